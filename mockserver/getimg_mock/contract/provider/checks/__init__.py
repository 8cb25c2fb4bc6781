"""The checks of providers, a module for each topic of the catalogue."""
