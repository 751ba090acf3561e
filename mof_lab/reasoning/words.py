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
#: What is told in a longer talk: many, so that it has to be copied and can't be guessed.
MORE_COLOURS = (
    *COLOURS,
    *(f"{how}{which}色" for how in "深浅淡" for which in "红黄蓝绿紫灰粉青棕"),
    *_words(
        "青色 棕色 金色 银色 米色 茶色 驼色 咖啡色 奶油色 巧克力色 彩虹色 "
        "大红色 桃红色 玫瑰红色 酒红色 枣红色 砖红色 火红色 橘红色 粉红色 紫红色 樱桃红色 石榴红色 "
        "金黄色 米黄色 杏黄色 土黄色 鹅黄色 柠檬黄色 嫩黄色 橙黄色 麦黄色 姜黄色 "
        "天蓝色 湖蓝色 海蓝色 宝蓝色 墨蓝色 灰蓝色 冰蓝色 水蓝色 夜蓝色 紫蓝色 "
        "草绿色 墨绿色 翠绿色 豆绿色 嫩绿色 军绿色 橄榄绿色 薄荷绿色 苹果绿色 葱绿色 湖绿色 竹绿色 "
        "雪白色 米白色 乳白色 月白色 灰白色 银白色 漆黑色 墨黑色 炭黑色 银灰色 烟灰色 铁灰色 "
        "葡萄紫色 茄子紫色 丁香紫色 藕粉色 肉粉色 橘子色 南瓜色 栗子色 蜂蜜色 沙子色 天空色 树叶色"
    ),
)
MORE_FOODS = (
    *FOODS,
    *(
        f"{what}{made}"
        for what in _words("牛肉 羊肉 鸡肉 虾仁 白菜 韭菜 萝卜 香菇 鸡蛋 玉米 豆腐 番茄")
        for made in _words("饺子 包子 馄饨 汤面 炒饭 馅饼 粥")
    ),
    *(
        f"{what}{made}"
        for what in _words("红豆 绿豆 芝麻 花生 红枣 核桃 南瓜 苹果 香蕉 草莓 牛奶 蜂蜜")
        for made in _words("糕 饼 汤圆 面包 蛋糕 冰沙")
    ),
    *_words(
        "汤圆 馄饨 粽子 年糕 馒头 烧饼 牛肉 羊肉 白菜 萝卜 土豆 花生 核桃 葡萄 橘子 草莓 桃子 梨 "
        "樱桃 豆浆 牛奶 米粉 鱼汤 鸡汤 鱼丸 春卷 豆花 冰糖 饼干 红薯 芋头 莲藕 黄瓜 茄子 菠菜 木耳 "
        "竹笋 火锅 烤鸭 红烧肉 糖醋鱼 麻婆豆腐 炒青菜 炸酱面 凉皮 锅贴 烧卖 肉夹馍 油条 豆腐脑 "
        "八宝饭 月饼 麻花 薯片 爆米花 巧克力 冰淇淋 酸奶 布丁 果冻 糖葫芦 瓜子 杏仁 柚子 菠萝 芒果 "
        "荔枝 石榴 柿子 哈密瓜 山楂 桑葚 甘蔗 椰子 柠檬 蓝莓 枇杷"
    ),
)
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
