"""A package, so that its fixtures last for it: one Chromium and one fake for all its tests."""
