"""What the support desk and the privacy office keep."""
