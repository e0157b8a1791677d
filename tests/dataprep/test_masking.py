"""What masking finds, what it leaves alone, and that it is stable."""

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataprep.masking import Found, Masker, find
from tests.dataprep.lines import assistant, chat, check_text, user

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/=\nabc\n-----END RSA PRIVATE KEY-----"

MASKED = [
    ("我的电话是13812345678，记得打", "我的电话是[PHONE_1]，记得打"),
    ("手机138-1234-5678哈", "手机[PHONE_1]哈"),
    ("打+8613812345678吧", "打[PHONE_1]吧"),
    ("打+86 138 1234 5678吧", "打[PHONE_1]吧"),
    ("打１３８１２３４５６７８吧", "打[PHONE_1]吧"),
    ("座机010-62345678转8", "座机[PHONE_1]转8"),
    ("call +1 415-555-2671 now", "call [PHONE_1] now"),
    ("call (415) 555-2671 now", "call [PHONE_1] now"),
    ("call +14155552671 now", "call [PHONE_1] now"),
    ("call +44 20 7946 0958.", "call [PHONE_1]."),
    ("公司02162345678转3", "公司[PHONE_1]转3"),
    ("家里0571 87654321", "家里[PHONE_1]"),
    ("电话0755-2345 6789", "电话[PHONE_1]"),
    ("打0571 8765 4321或(0755)23456789", "打[PHONE_1]或[PHONE_2]"),
    ("https://a.com/?token=abcdef123456&x=1", "https://a.com/?token=[PASSWORD_1]&x=1"),
    ("access_token: a1b2c3d4e5f6g7", "access_token: [PASSWORD_1]"),
    ("api_key = 'abcd1234efgh5678'", "api_key = '[PASSWORD_1]'"),
    ("secret=a1b2c3d4e5f6g7==", "secret=[PASSWORD_1]"),
    ("加QQ123456789", "加QQ[QQ_1]"),
    ("我qq123456789", "我qq[QQ_1]"),
    ("QQ号是 123456789", "QQ号是 [QQ_1]"),
    ('{"api_key": "abc123def456ghi789"}', '{"api_key": "[PASSWORD_1]"}'),
    ("{'token':'abc123def456ghi789'}", "{'token':'[PASSWORD_1]'}"),
    ("its token=abcdef123456.", "its token=[PASSWORD_1]."),
    ("QQ号：123456789，别忘了", "QQ号：[QQ_1]，别忘了"),
    ("微信号zhangsan_88同手机", "微信号[WXID_1]同手机"),
    ("服务器2001:db8:85a3::8a2e:370:7334挂了", "服务器[IP_1]挂了"),
    ("用postgres://mia:s3cret!@db.example.com/app连", "用postgres://[PASSWORD_1]@db.example.com/app连"),
    ("https://mia:geheim@example.com/x", "https://[PASSWORD_1]@example.com/x"),
    ("密码是Harbor2026!别说", "密码是[PASSWORD_1]别说"),
    ("password: tr0ub4dor&3", "password: [PASSWORD_1]"),
    ("wifi PASSWORD=lamp4ever ok", "wifi PASSWORD=[PASSWORD_1] ok"),
    ("Authorization: Bearer a1B2c3D4e5F6g7H8i9J0k", "Authorization: Bearer [KEY_1]"),
    ("邮箱是zhang.san@example.com发我", "邮箱是[EMAIL_1]发我"),
    ("身份证号110101199003074610别外传", "身份证号[ID_1]别外传"),
    ("刷4111111111111111吧", "刷[CARD_1]吧"),
    ("卡号6222021234567890123工行", "卡号[CARD_1]工行"),
    ("卡号6222 0212 3456 7890 128工行", "卡号[CARD_1]工行"),
    ("服务器8.8.4.4挂了", "服务器[IP_1]挂了"),
    ("key是sk-proj-a1B2c3D4e5F6g7H8i9J0别传", "key是[KEY_1]别传"),
    ("ghp_" + "a1" * 18, "[KEY_1]"),
    ("AKIAIOSFODNN7EXAMPLE用它", "[KEY_1]用它"),
    ("xoxb-123456789012-abcdef", "[KEY_1]"),
    (f"令牌{JWT}。", "令牌[KEY_1]。"),
    (f"看：{PEM}完", "看：[KEY_1]完"),
    ("加我wxid_lxb2026self吧", "加我[WXID_1]吧"),
]
KEPT = [
    "订单号 20261123000012345 已发货",
    "订单号20261123000012345已发货",
    "时间戳1763427660000",
    "123456789012345678901",
    "2026-11-23 09:00:00",
    "版本v1.2.3.4",
    "本机127.0.0.1和0.0.0.0",
    "圆周率3.13812345678",
    "task-force-of-many-good-words",
    "sk-learn is not a key",
    "@所有人 明天见",
    "单号4111111111111112工行",
    "[PHONE_1] [EMAIL_2] [KEY_3]",
    "密码是多少",
    "password=getpass()",
    "password = load_password2(name)",
    "The password is easily forgotten",
    "a price per token: gpt-4o-mini, and token=load_token2(name)",
    "token: gpt-4o-mini-2024-07-18",
    "const token = process.env.OAUTH2_TOKEN;",
    "secret = settings.S3_SECRET_KEY",
    "token = OAUTH2_TOKEN_NAME",
    'Token = "meta-llama/Llama-3.1-8B"',
    "QQ10000多人在线，QQ 20131231 更新，微信号Android版",
    "QQ群里说，QQ2024版，在QQ上",
    "微信号是多少",
    "0755 is the mode, 0644 too",
    "https://example.com:8080/a@b",
    "Bearer YOUR_ACCESS_TOKEN_GOES_HERE",
    "at 12:30:45:10 sharp, std::vector, abc::def",
    "本机::1",
    "单号0123456789012345",
]


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_what_is_found_is_replaced_and_nothing_beside_it(text: str, expected: str) -> None:
    assert Masker().mask(text) == expected


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert Masker().mask(text) == text


@pytest.mark.parametrize("number", ["110101199003074610", "11010519491231002X"])
def test_an_id_card_counts_only_with_its_check_digit(number: str) -> None:
    text = f"身份证号{number}别外传"
    assert find(text) == [Found("ID", 4, 22)]
    assert find(text.replace(number[-1] + "别", ("1" if number[-1] != "1" else "2") + "别")) == []


def test_one_value_has_one_placeholder_however_it_is_written() -> None:
    masker = Masker()
    assert masker.mask("13812345678 or +86 138-1234-5678") == "[PHONE_1] or [PHONE_1]"
    assert masker.mask("13912345678, Ann@Example.com") == "[PHONE_2], [EMAIL_1]"
    assert masker.mask("ann@example.com") == "[EMAIL_1]"
    assert masker.counts == {"PHONE": 3, "EMAIL": 2}


def test_a_kind_that_is_part_of_another_is_not_found_in_it() -> None:
    assert Masker().mask("13812345678@qq.com") == "[EMAIL_1]"
    assert Masker().mask("12345678@chatroom") == "[WXID_1]"


def test_a_key_cut_off_is_still_a_key() -> None:
    masked = Masker().mask("-----BEGIN PRIVATE KEY-----\nMIIEow+/=\n好的")
    assert masked == "[KEY_1]好的"


def test_a_json_text_stays_json() -> None:
    masked = Masker().mask(json.dumps({"phone": "13812345678", "mail": "a@b.org"}))
    assert json.loads(masked) == {"phone": "[PHONE_1]", "mail": "[EMAIL_1]"}


@pytest.mark.parametrize(
    "bait",
    [
        "-----BEGIN PRIVATE KEY-----",
        "a.",
        "1-",
        "+44 ",
        "eyJ",
        "a@b.",
        "1.1.",
        "86 ",
        "::",
        "1:",
        "://a:",
        "密码是",
        "token='",
        "QQ号 ",
        "(0755) ",
        "Bearer a1",
    ],
)
def test_no_text_takes_long(bait: str) -> None:
    started = time.process_time()
    find(bait * (100_000 // len(bait)))
    assert time.process_time() - started < 5


VALUES = [
    "13812345678",
    "2001:db8::1:2",
    "密码是Harbor2026",
    "://a:b1@c",
    "+86",
    "138 1234 5678",
    "a@b.com",
    "110101199003074610",
    "4111111111111111",
    "8.8.4.4",
]
SECRETS = ["wxid_abcdef", "sk-a1B2c3D4e5F6g7H8i9J0", JWT, PEM, "-----BEGIN PRIVATE KEY-----"]
pieces = st.sampled_from([*VALUES, *SECRETS, "[PHONE_1]", "的", " ", "-", ".", "1", "x", "+"])


@settings(max_examples=500, deadline=None)
@given(st.lists(pieces | st.text(max_size=4), max_size=8).map("".join))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = Masker().mask(text)
    assert Masker().mask(once) == once
    found = find(text)
    assert all(first.end <= second.start for first, second in pairwise(found))


@pytest.mark.parametrize("text", [text for text, _ in MASKED])
def test_what_a_mask_covers_a_check_tells(text: str) -> None:
    codes = {one.code for one in check_text(chat(user(text), assistant())).findings}
    assert codes & {"personal_data", "secret"}
