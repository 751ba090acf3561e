"""Names, things and places that problems are told with."""


def _words(text):
    return tuple(text.split())


#: Who lives in 小河镇.
NAMES = _words("米米 阿旺 灰灰 老博 慢慢 团团 跳跳 嘎嘎 球球 小枫 鼻鼻 啾啾 点点")
FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN_NAMES = (
    "明红刚丽华军芳雨雪月宝杰宇安文天海云强美敏龙梅兰波东南北光新乐青春秋冬夏伟山晨阳平风"
    "田欢晶甜贝星亮静松竹石河江树叶花英玉志国家建心思一双"
)
THINGS = _words("苹果 面包 松果 鸡蛋 橘子 铅笔 贝壳 萝卜 气球 星星 蘑菇 纽扣 饼干 石子 花")
_MEASURES = {"铅笔": "支", "花": "朵", "石子": "颗", "星星": "颗", "纽扣": "颗", "饼干": "块"}
DAYS = "一二三四五六日"
HOW_MANY = "零一两三四五六七八九"  # before a measure word two is 两

#: What is looked for, and where it is; 在 fits before each place.
OBJECTS = _words("球 钥匙 书 帽子 雨伞 信 手表 铅笔 苹果 面包 小鼓 风筝")
PLACES = _words("桌上 床下 门后 窗台上 红盒子里 蓝盒子里 书包里 篮子里 抽屉里 口袋里 柜子里 箱子里")

COLOURS = _words("红色 黄色 蓝色 绿色 白色 黑色 紫色 橙色 灰色 粉色")
FOODS = _words("面条 米饭 饺子 包子 面包 苹果 西瓜 鱼 豆腐 鸡蛋 蛋糕 玉米 南瓜饼 蜂蜜 香蕉")
CITIES = _words(
    "北京 上海 广州 深圳 南京 杭州 苏州 成都 重庆 武汉 "
    "西安 天津 青岛 大连 厦门 长沙 昆明 沈阳 郑州 济南"
)
HOBBIES = _words("画画 唱歌 跳舞 游泳 跑步 下棋 爬山 钓鱼 种花 看书 拍照 滑冰 写字 弹琴 踢球 做饭")
SUBJECTS = _words("语文 数学 英语 音乐 美术 体育 科学 历史 地理")
PET_SYLLABLES = "豆球毛花黑点圆多旺咪白黄灰雪糖果米团跳奇乐福宝甜"

#: Who can be all of something.
GROUPS = _words(
    "一班的同学 二班的同学 三班的同学 四班的同学 合唱队的队员 足球队的队员 画画组的同学 "
    "棋社的社员 白桥边的住户 船上的客人 读书会的会员 游泳班的学生"
)
#: What somebody does with something.
DEEDS = _words("想要 想起 送来 收到 看见 喜欢 说到 画了 找到 写了")
PHRASES = _words(
    "小河镇 白桥 老橡树 月亮湖 面包店 春天 下雨了 好朋友 一二三 天天向上 一心一意 五颜六色 "
    "风和日丽 春暖花开 早上好 慢慢走 大风车 小星星 萤火虫 不客气"
)

#: Things of one sort: nothing stands in two of them.
SORTS = {
    "水果": _words("苹果 梨 桃 香蕉 西瓜 葡萄 橘子 草莓 樱桃"),
    "动物": _words("猫 狗 兔子 马 牛 羊 老虎 大象 猴子"),
    "颜色": _words("红色 黄色 蓝色 绿色 白色 黑色 紫色 灰色"),
    "文具": _words("铅笔 橡皮 尺子 本子 钢笔 毛笔"),
    "衣物": _words("帽子 毛衣 裤子 裙子 袜子 围巾 手套"),
    "家具": _words("桌子 椅子 沙发 书架 衣柜 凳子"),
    "乐器": _words("钢琴 笛子 二胡 小提琴 古筝 吉他"),
    "车船": _words("火车 汽车 轮船 公交车 自行车 卡车"),
    "蔬菜": _words("白菜 萝卜 黄瓜 茄子 菠菜 芹菜"),
    "鸟": _words("麻雀 燕子 喜鹊 鸽子 老鹰 大雁"),
    "鱼": _words("鲤鱼 鲫鱼 草鱼 带鱼 金鱼 鲨鱼"),
    "花": _words("荷花 菊花 梅花 桃花 月季 牡丹"),
}


def measure(thing):
    """The measure word: three pencils are 3支铅笔."""
    return _MEASURES.get(thing, "个")


def person(rng):
    """The name of a person, as 小明, 王芳, 阿林."""
    one, two = rng.sample(GIVEN_NAMES, 2)
    family = rng.choice(FAMILY_NAMES)
    return rng.choice(
        (f"小{one}", f"{family}{one}", f"{family}{one}{two}", f"{one}{one}", f"阿{one}")
    )


def pet(rng):
    """The name of a cat or a dog."""
    one, two = rng.sample(PET_SYLLABLES, 2)
    return rng.choice((f"小{one}", f"{one}{one}", f"{one}{two}"))
