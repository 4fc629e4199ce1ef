"""Images and labels: datasets by name, bundled samples, calibration."""
