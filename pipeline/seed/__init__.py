"""Fills the sources of the pipelines: the table of purchases, the feed of reviews, the files of stock prices.

Either with generated data (generated_purchases.py, generated_reviews.py, generated_prices.py) or with the user's own
files (purchase_files.py, given_files.py); loading.py, reviews.py and stock_files.py put them where the pipelines find
them.
"""
