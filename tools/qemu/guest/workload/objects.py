"""An interpreter's everyday work: 100 MB of dictionaries and strings, JSON, regular expressions, sorting."""

import json
import random
import re
import sys

random.seed(1)
WORDS = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(3, 9))) for _ in range(5000)]


def document(number):
    return {
        "id": number,
        "owner": random.choice(WORDS),
        "tags": random.sample(WORDS, 4),
        "text": " ".join(random.choices(WORDS, k=40)),
        "price": random.random() * 1000,
    }


store = {number: document(number) for number in range(60_000)}
by_owner = {}
for number, entry in store.items():
    by_owner.setdefault(entry["owner"], set()).add(number)
print("READY", flush=True)

vowels = re.compile(r"\b[aeiou]\w+")
done = 0
while True:
    number = random.randrange(len(store))
    entry = json.loads(json.dumps(store[number]))
    entry["text"] = vowels.sub(lambda word: word.group().upper(), entry["text"]).lower()
    entry["price"] *= 1.01
    neighbours = sorted(by_owner[entry["owner"]], key=lambda other: store[other]["price"])
    entry["tags"] = sorted({tag for other in neighbours[:20] for tag in store[other]["tags"]})[:4]
    store[number] = entry
    done += 1
    if done % 200 == 0:
        print("PROGRESS", done, flush=True)
        sys.stdout.flush()
