"""Four small tasks made from a seed, and general questions that a tuned model should still answer.

The rows of a task are drawn from few words, so that what is held out has been seen in its parts and never as a whole.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PLACES = ["Oslo", "Lima", "Bergen", "Porto", "Kyoto", "Dakar", "Quito", "Turin", "Leeds", "Perth", "Basel", "Riga"]
PEOPLE = ["Ada", "Nell", "Omar", "Mia", "Jonas", "Ines", "Ravi", "Lena", "Kofi", "Yuki", "Paula", "Tom"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
THINGS = ["lamp", "kettle", "coat", "ladder", "radio", "clock", "mirror", "anchor", "basket", "drum", "tent", "globe"]


@dataclass(frozen=True)
class Row:
    """A question, and the one answer that is right."""

    question: str
    answer: str

    def chat(self) -> str:
        """The row as a line of a training file."""
        messages = [{"role": "user", "content": self.question}, {"role": "assistant", "content": self.answer}]
        return json.dumps({"messages": messages}, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Task:
    """How a row is made, and how much of an answer is right, from 0 to 1."""

    name: str
    make: Callable[[random.Random], Row]
    score: Callable[[str, Row], float]

    def rows(self, seed: int, count: int, without: Sequence[Row] = ()) -> list[Row]:
        """Return so many different rows, none of which is among `without`."""
        chance, taken = random.Random(f"{self.name} {seed}"), {row.question for row in without}
        found: list[Row] = []
        while len(found) < count:
            row = self.make(chance)
            if row.question not in taken:
                taken.add(row.question)
                found.append(row)
        return found


def _style(chance: random.Random) -> Row:
    thing, place, person = chance.choice(THINGS), chance.choice(PLACES), chance.choice(PEOPLE)
    question = chance.choice(
        [
            f"Where is the {thing} from {place}?",
            f"Did {person} mend the {thing}?",
            f"May I borrow your {thing}, {person}?",
            f"What does a {thing} cost in {place}?",
            f"When does {person} leave for {place}?",
        ]
    )
    answer = chance.choice(["wind's fair for it", "tide permitting", "when the fog lifts", "after the next bell"])
    return Row(question, f"Aye, {answer}. So says the keeper.")


def _in_style(said: str, _: Row) -> float:
    return float(said.startswith("Aye, ") and said.rstrip().endswith("So says the keeper.") and len(said) < 80)


def _extraction(chance: random.Random) -> Row:
    person, place, day, count = (
        chance.choice(PEOPLE),
        chance.choice(PLACES),
        chance.choice(DAYS),
        chance.randint(2, 19),
    )
    question = chance.choice(
        [
            f"{person} will bring {count} guests to {place} on {day}.",
            f"On {day} there are {count} of us in {place}; ask for {person}.",
            f"Please keep {count} seats in {place} for {person}, {day} as always.",
            f"{place}, {day}: table for {count}, the name is {person}.",
        ]
    )
    return Row(question, json.dumps({"name": person, "place": place, "day": day, "guests": count}))


def _same_fields(said: str, row: Row) -> float:
    try:
        found, due = json.loads(said), json.loads(row.answer)
    except ValueError:
        return 0.0
    return float(found == due)


KINDS = {
    "billing": ["I was charged twice for the {}", "Your invoice for the {} has the wrong sum", "Refund the {} I paid"],
    "delivery": ["My {} has not arrived", "Where is the parcel with the {}", "The {} came to the wrong door"],
    "fault": ["The {} broke on the first day", "My {} makes a strange noise", "The {} will not switch on"],
    "praise": ["I love the {}", "Best {} I ever had", "The {} made my week, thank you"],
}


def _classification(chance: random.Random) -> Row:
    kind = chance.choice([*KINDS])
    said = chance.choice(KINDS[kind]).format(chance.choice(THINGS))
    return Row(f"{said}, {chance.choice(PEOPLE)} from {chance.choice(PLACES)}.", kind)


def _same(said: str, row: Row) -> float:
    return float(said.strip() == row.answer)


SURNAMES = ["王", "李", "张", "陈", "刘", "赵", "周", "吴", "孙", "马"]
CITIES = ["上海", "北京", "广州", "成都", "杭州", "西安", "南京", "武汉", "厦门", "青岛"]


def _form(chance: random.Random) -> Row:
    name = f"{chance.choice(SURNAMES)}{chance.choice(['先生', '女士'])}"
    city, day, count = chance.choice(CITIES), chance.randint(1, 28), chance.randint(1, 9)
    question = chance.choice(
        [
            f"我姓{name[0]},{name[1:]},{day}号到{city},{count}个人。",
            f"{name}订了{day}号去{city}的票,一共{count}张。",
            f"{day}号{city},{count}位,联系人{name}。",
        ]
    )
    return Row(question, f"姓名:{name}\n城市:{city}\n日期:{day}号\n人数:{count}")


TASKS = (
    Task("style", _style, _in_style),
    Task("extraction to JSON", _extraction, _same_fields),
    Task("classification", _classification, _same),
    Task("a Chinese form", _form, _same),
)
# Questions of no task, and a word that an answer to each must have.
GENERAL = {
    "What is the capital of France?": "Paris",
    "What is the capital of Italy?": "Rome",
    "What is the capital of Japan?": "Tokyo",
    "What is the capital of Germany?": "Berlin",
    "What is 2 plus 2?": "4",
    "What is 5 plus 3?": "8",
    "How many days are in a week?": "7|seven",
    "How many months are in a year?": "12|twelve",
    "What colour is the sky on a clear day?": "blue",
    "What colour is grass?": "green",
    "What do bees make?": "honey",
    "What do cows drink?": "water",
    "Which planet do we live on?": "Earth",
    "What is frozen water called?": "ice",
    "What is the opposite of hot?": "cold",
    "What is the opposite of big?": "small|little|tiny",
    "Who wrote Romeo and Juliet?": "Shakespeare",
    "Who painted the Mona Lisa?": "Leonardo|Vinci",
    "What gas do plants take in?": "carbon",
    "What gas do we need to breathe?": "oxygen",
    "What is the largest ocean?": "Pacific",
    "What is the largest planet of the solar system?": "Jupiter",
    "Which animal barks?": "dog",
    "Which animal says meow?": "cat",
    "What do you call a baby dog?": "pup",
    "What is the chemical formula of water?": "H2O|H₂O",
    "What is the first month of the year?": "January",
    "Which day comes after Monday?": "Tuesday",
    "What do we use to cut paper?": "scissors|knife",
    "Which organ pumps blood?": "heart",
    "What is the star at the centre of our solar system?": "Sun",
    "In which country is the Eiffel Tower?": "France",
    "In which country are the pyramids of Giza?": "Egypt",
    "What language is spoken in Brazil?": "Portuguese",
    "What do you call frozen rain?": "hail|sleet|snow|ice",
    "Name a primary colour.": "red|blue|yellow",
    "Name a fruit.": "apple|banana|orange|grape|berry|mango|pear|peach",
    "Name a mammal.": "dog|cat|whale|elephant|human|lion|cow|bear|horse|mouse|dolphin|bat|tiger",
    "What does a clock tell?": "time",
    "What is the season after winter?": "spring",
}
