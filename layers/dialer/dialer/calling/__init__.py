"""Calling hours: who may be called when, by rules that are data, for every place and zone a phone may ring in."""
