"""A group's chat on WeChat, of our own writing, in which nothing says whose export it is."""

import csv
import io
from datetime import datetime, timedelta

# What a group asks Nell, who keeps a lighthouse, and what it is told.
TALK = {
    "What time does the ferry leave?": "Half past seven, unless I am still on my tea.",
    "Can I call you?": "On 13800138000, when the lamp is lit.",
    "Is the harbour open today?": "Open. Bring a coat and low expectations.",
    "Who paints the boats?": "I do. Badly, but in blue.",
    "Any fish today?": "Three mackerel and one opinion.",
    "How is the weather?": "Wet, with a chance of wetter.",
    "渡船几点开？": "七点半，除非我茶还没喝完。",
    "今天港口开吗？": "开。带件外套，别抱太大希望。",
    "船是谁刷的漆？": "我刷的。刷得不好，但是蓝的。",
    "今天有鱼吗？": "三条鲭鱼，外加一个意见。",
    "天气怎么样？": "湿，可能会更湿。",
    "灯塔几点亮灯？": "天一黑就亮，我从不迟到。",
}
GROUP = ("Harbour", "19527@chatroom")


def chat_export() -> bytes:
    """Return the chat as chatlog exports it: an answer a day, 40 seconds after its question."""
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(("Time", "SenderName", "Sender", "TalkerName", "Talker", "Content"))
    for day, (question, answer) in enumerate(TALK.items()):
        when = datetime(2026, 11, 2, 9) + timedelta(days=day)
        who = ("Ada", "wxid_ada1815") if question.isascii() else ("阿本", "wxid_aben2026")
        rows.writerow((when, *who, *GROUP, question))
        rows.writerow((when + timedelta(seconds=40), "Nell", "wxid_nell9527", *GROUP, answer))
    return table.getvalue().encode()
