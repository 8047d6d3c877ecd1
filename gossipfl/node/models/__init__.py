"""Models outside a running node: trained alone, found in a store, used on readings."""
