"""Chats whose files have the same name, in folders of their own, stay chats of their own."""

from pathlib import Path

import pytest

from dataprep.conversion.convert import convert
from dataprep.conversion.inputs import labelled
from dataprep.conversion.options import Options

MEMOTRACE = "消息ID,类型,发送人,时间,内容,备注,昵称,更多信息\n1,文本,{who},2025-03-01 09:00:0{at},{asked},,,more\n"
EXPORTS = {
    "张伟.csv": MEMOTRACE + "2,文本,林,2025-03-01 09:00:3{at},{answered},,,more\n",
    "张伟.txt": "2025-03-01 09:00:0{at} {who}\n{asked}\n\n2025-03-01 09:00:3{at} 林\n{answered}\n",
    "私聊_张伟.txt": "2025-03-01 09:00:0{at} '{who}'\n{asked}\n\n2025-03-01 09:00:3{at} '我'\n{answered}\n",
    "export_0_100.csv": "id,MsgSvrID,type_name,is_sender,talker,room_name,msg,src,CreateTime\n"
    "1,1{at},文本,0,{who},,{asked},,2025-03-01 09:00:0{at}\n2,2{at},文本,1,林,,{answered},,2025-03-01 09:00:3{at}\n",
    "张伟_utf8.csv": "localId,TalkerId,Type,SubType,IsSender,CreateTime,Status,StrContent,StrTime,"
    "Remark,NickName,Sender\n"
    "1,1,1,0,0,174079080{at},0,{asked},2025-03-01 09:00:0{at},{who},{who},wxid_{at}\n"
    "2,1,1,0,1,174079083{at},0,{answered},2025-03-01 09:00:3{at},林,林,wxid_me\n",
}


@pytest.mark.parametrize("name", EXPORTS)
def test_two_chats_of_one_name_are_not_joined(tmp_path: Path, name: str) -> None:
    for at, (folder, who) in enumerate((("a", "哲"), ("b", "王"))):
        (tmp_path / folder).mkdir()
        told = EXPORTS[name].format(at=at, who=who, asked=f"灯亮了吗{who}？", answered=f"亮了{who}。")
        (tmp_path / folder / name).write_text(told, encoding="utf-8")
    me = () if name.startswith("私聊") else ("wxid_me",) if "utf8" in name else ("林",)
    for given in ([tmp_path], [tmp_path / "a" / name, tmp_path / "b" / name]):
        conversion = convert(labelled(given), Options(me=me))
        assert conversion.chats == 2
        texts = [[one["content"] for one in example.messages] for example in conversion.training]
        assert texts == [["灯亮了吗哲？", "亮了哲。"], ["灯亮了吗王？", "亮了王。"]]
