"""Fills the sources of the user-behaviour pipeline: the table of purchases, and the feed of reviews.

Either with generated data (generated_purchases.py, generated_reviews.py) or with the user's own files
(purchase_files.py); loading.py and reviews.py put them where the pipeline finds them.
"""
