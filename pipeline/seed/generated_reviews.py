"""Film reviews of the shop's customers from a fixed seed, with what makes real ones hard to read.

Commas, doubled quotes and line breaks inside a review, reviews that are missing, `good` with punctuation,
`goodness` and `goods`, customers written as `17850.0`, and now and then one that is no customer.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from pipeline.seed.generated_purchases import known_customers, seeded_faker

BROKEN_CIDS = ("n/a", "17850.5", "", "seventeen")
REVIEWS_A_BROKEN_CID = 500
SENTENCE_COUNT = 1000
WORDS = (
    *("the", "a", "this", "film", "plot", "scene", "actor", "actress", "camera", "ending", "music", "story"),
    *("was", "had", "lost", "found", "felt", "made", "laughs", "never", "always", "nearly"),
    *("long", "short", "bright", "sad", "wild", "slow", "clever", "tired"),
)
VERDICTS = (
    "A good film.",
    "good",
    "Simply good.",
    'They called it "good", twice.',
    "Good, if long.",
    "Goodness, what a mess.",
    "The best goods of the year.",
    "Dull.",
    "Not worth the ticket, nor the time.",
)


def generated_reviews(number: int) -> Iterator[tuple[str, str]]:
    """Yield so many pairs of cid and review_str; the same ones each time."""
    fake = seeded_faker()
    random, sentences = fake.random, [fake.sentence(10, ext_word_list=WORDS) for _ in range(SENTENCE_COUNT)]
    customers = [customer.number for customer in known_customers()]
    for index in range(number):
        cid = f"{random.choice(customers)}{random.choice(('', '', '', '.0'))}"
        # Placed and not drawn, so that there are never more than the pipeline puts up with.
        if index % REVIEWS_A_BROKEN_CID == REVIEWS_A_BROKEN_CID - 1:
            cid = random.choice(BROKEN_CIDS)
        yield cid, _review(random, sentences)


def _review(random: Random, sentences: list[str]) -> str:
    """Return a review, which is empty once in a hundred."""
    if random.random() < 0.01:
        return ""
    space = random.choice((" ", " ", " ", "\n", "\n\n"))
    return space.join([*random.choices(sentences, k=random.randint(1, 8)), random.choice(VERDICTS)])
