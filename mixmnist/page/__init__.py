"""The page of units: one static folder that opens in any browser, made of exhibits of recorded networks."""
