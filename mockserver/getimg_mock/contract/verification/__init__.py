"""Whole verifications: plans or cases run, judged, compared and examined."""
