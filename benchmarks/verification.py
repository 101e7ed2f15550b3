"""Verification: do pictures of DGN-AM show what the net has learnt, or what their prior has?

Nets of 90 classes learn pairs on canvases as they are and on canvases that are changed: polarity inverted, tiles in another order,
blurred. The prior of their pictures has seen the former alone.
"""
