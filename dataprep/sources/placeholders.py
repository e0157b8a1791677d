"""The words that Chinese exporters put in brackets for what has no words, `[图片]` or `【语音】`, and their kinds."""

from dataprep.records import Kind

_NAMES = {
    Kind.IMAGE: "图片 图像 照片 闪照 image photo",
    Kind.VOICE: "语音 语音消息",
    Kind.VIDEO: "视频 短视频 video",
    Kind.FILE: "文件",
    Kind.STICKER: "表情 表情包 动画表情 商城表情 GIF表情 sticker",
    Kind.LINK: "链接 分享链接 卡片式链接 图文消息 分享",
    Kind.LOCATION: "位置 位置分享 位置共享 地理位置",
    Kind.RED_PACKET: "红包 红包封面 QQ红包 微信红包",
    Kind.TRANSFER: "转账",
    Kind.CALL: "语音通话 视频通话 音视频通话 通话",
    Kind.SHARE: "小程序 视频号 视频号直播 音乐 音乐分享",
    Kind.FORWARD: "聊天记录 合并转发 合并转发的聊天记录",
    Kind.CARD: "名片 个人名片 推荐名片",
    Kind.SYSTEM: "群公告 系统消息",
    Kind.REPLY: "引用 引用消息",
}
KIND_OF_WORD = {word: kind for kind, words in _NAMES.items() for word in words.split()}
