"""What a person sees: capture to pixels in headless Chromium, and how soon the first picture is there."""

ROWS = []
