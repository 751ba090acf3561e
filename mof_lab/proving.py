"""Does an expert keep the chief of what `experts` promises? Checked on a small one, in seconds.

    prove("window")     # prints a line for each promise that holds; LabError says which does not

Notebook 10 shows why each is needed. `mof-lab expert my_expert.py` proves every class of a file.
"""

import inspect
import re
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from . import experts
from .configuration import ModelConfig
from .errors import LabError

#: Other widths for input, output and layers, so that one is not taken for another.
CONFIG = ModelConfig(embedding_dim=32, gru_units=24, num_layers=1, dropout=0.1)
WIDTH = 40
#: Characters of a window, and where a document begins in it.
TIME, BEGIN_AT = 10, 4
#: How far two ways of computing the same number may be apart.
NEAR = 1e-4


def prove(name, tell=print):
    """Checks the chief promises of an expert, in the order of `PROMISES`.

    On a few numbers drawn at random, so that it finds the faults people make, not every one.

    Args:
        name: what it is registered under; its file has been run (`experts.use_file`).
        tell: called with a line for each promise that holds, English and Chinese.

    Returns:
        these lines.

    Raises:
        LabError: about the first promise that does not hold.
    """
    layer = _made(name)
    lines = []
    for english, chinese, check in PROMISES:
        _attempt(name, f"the check “{english}”", check, layer)
        lines.append(f"✓ {english}  {chinese}")
        tell(lines[-1])
    return lines


def _made(name):
    layer = _attempt(
        name, "__init__(config, output_dim, name=…)", experts.make_expert, name, CONFIG, WIDTH
    )
    if layer.name != name:
        raise LabError(
            f"The expert {name!r} calls itself {layer.name!r}, and its weights are saved under "
            "that name; hand on the given one: __init__(self, config, output_dim, **kwargs) calls "
            "super().__init__(**kwargs)."
        )
    _attempt(name, "build(shape)", experts.build, layer, (None, None, CONFIG.embedding_dim))
    layer.built = True
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:  # a weight that starts at zero would hide faults
        variable.assign_add(rng.normal(scale=0.05, size=variable.shape).astype(np.float32))
    return layer


def _attempt(name, where, function, *given, **options):
    """What somebody's code gives, or one sentence about where it stopped."""
    try:
        return function(*given, **options)
    except LabError:
        raise
    except Exception as error:  # whatever it does
        raise LabError(
            f"The expert {name!r} stopped in {where}: {type(error).__name__}: {_said(error)}"
        ) from error


def _said(error):
    """The one line of an error that is not about where Keras and TensorFlow met it."""
    text = re.sub(r"\x1b\[\d*m|\{\{.*?\}\} ?", "", str(error))
    text = text.partition("Arguments received by")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Exception encountered")] or [""]
    return lines[-1 if lines[0] == "in user code:" else 0]


# ---- forms: also checked when a model is made


def check_forms(layer, input_dim, output_dim, batch=2, time=3):
    """Calls both forms on zeros and checks what they give back.

    Raises:
        LabError: names the expert.
    """
    state = _initial(layer, batch)
    x, begins = tf.zeros((batch, time, input_dim)), tf.zeros((batch, time), tf.bool)
    for form, given, shape in (
        ("call", (x, begins, state), (batch, time, output_dim)),
        ("step", (x[:, 0], begins[:, 0], state), (batch, output_dim)),
    ):
        function = layer if form == "call" else layer.step
        found = _attempt(layer.name, f"{form}(x, begins, state)", function, *given)
        _check_result(layer.name, form, found, shape, state)


def _initial(layer, batch):
    return _attempt(layer.name, "initial_state(batch)", layer.initial_state, batch)


def _check_result(name, form, found, shape, state):
    if not (isinstance(found, (tuple, list)) and len(found) == 2):
        raise LabError(
            f"The expert {name!r} returns {_kind(found)} from {form}; expected (outputs, state)."
        )
    outputs, after = found
    if _kind(outputs) != _kind(tf.zeros(shape)):
        raise LabError(
            f"The outputs of the expert {name!r} are {_kind(outputs)} from {form}; expected "
            f"{_kind(tf.zeros(shape))}: the last axis is output_dim."
        )
    before, after = _leaves(state), _leaves(after)
    for at in {**before, **after}:
        was, now = before.get(at, "nothing"), after.get(at, "nothing")
        if was != now:
            raise LabError(
                f"The state of the expert {name!r} changes in {form}: its part {at!r} was {was} "
                f"and is {now}; expected the structure, shapes and types of initial_state."
            )


def _kind(found):
    if not tf.is_tensor(found) and not isinstance(found, np.ndarray):
        return f"a {type(found).__name__}"
    return f"{tuple(found.shape)} {tf.as_dtype(found.dtype).name}"


def _leaves(state):
    """What is in a state: place → shape and type."""
    leaves = keras.tree.flatten_with_path(state)
    return {"/".join(map(str, at)) or "state": _kind(leaf) for at, leaf in leaves}


# ---- promises


def _takes_its_arguments(layer):
    given = {
        "__init__": (("config", "output_dim"), {"name": None}),
        "build": (("shape",), {}),
        "initial_state": (("batch",), {}),
        "call": (("x", "begins", "state"), {}),
        "step": (("x", "begins", "state"), {}),
    }
    for method, (names, options) in given.items():
        try:
            inspect.signature(getattr(layer, method)).bind(*names, **options)
        except TypeError as error:
            raise LabError(
                f"{method} of the expert {layer.name!r} does not take ({', '.join(names)}): {error}"
            ) from None


def _gives_its_forms(layer):
    count = len(layer.weights)
    for batch, time in ((2, 3), (1, 1)):
        check_forms(layer, CONFIG.embedding_dim, WIDTH, batch, time)
    if len(layer.weights) != count:
        raise LabError(
            f"The expert {layer.name!r} makes weights when it is first called; make all of them "
            "in build(shape), and build its sublayers there."
        )


def _takes_any_batch(layer):
    two, three = _leaves(_initial(layer, 2)), _leaves(_initial(layer, 3))
    for at in two:
        if two[at] == three.get(at):
            raise LabError(
                f"initial_state of the expert {layer.name!r} ignores batch: {at!r} is {two[at]} "
                "for 2 texts and for 3; every tensor of the state needs an axis for them."
            )
    x, begins = _random(3)
    together, alone = _window(layer, x, begins), _window(layer, x[:2], begins[:2])
    if not _near(together[:2], alone):
        raise LabError(
            f"The expert {layer.name!r} mixes the texts of a batch: two of three are answered "
            "differently without the third."
        )


def _sees_no_future(layer):
    x, begins = _random(2)
    begins = tf.zeros_like(begins)
    whole = _window(layer, x, begins)
    for at in (TIME // 2, TIME - 1):
        moved = _window(layer, _changed_at(x, at), begins)
        if not _near(moved[:, :at], whole[:, :at]):
            raise LabError(
                f"The expert {layer.name!r} sees the future: another character {at} changes what "
                "it gives before it; each position may read itself and earlier ones only."
            )
        if _near(moved[:, at], whole[:, at]):
            raise LabError(
                f"The expert {layer.name!r} does not read its input: another character changes "
                "nothing at its own position."
            )


def _forgets(layer):
    x, _ = _random(2)
    begins = np.zeros((2, TIME), bool)
    begins[:, BEGIN_AT] = True
    whole = _window(layer, x, begins)
    moved = _window(layer, _changed_at(x, BEGIN_AT - 1), begins)
    _, dirty = layer(x, tf.zeros((2, TIME), tf.bool), layer.initial_state(2))
    x, begins = x[:, BEGIN_AT:], begins[:, BEGIN_AT:]
    pairs = {
        "within a window": (whole[:, BEGIN_AT:], moved[:, BEGIN_AT:]),
        "from window to window": (_window(layer, x, begins), _window(layer, x, begins, dirty)),
        "step by step": (_steps(layer, x, begins), _steps(layer, x, begins, dirty)),
    }
    for where, (one, other) in pairs.items():
        if not _near(one, other):
            raise LabError(
                f"The expert {layer.name!r} does not forget where a document begins, {where}: "
                "what was before changes what it gives; where begins is True, leave out the state "
                "and all earlier positions."
            )


def _agrees_with_itself(layer):
    x, begins = _random(3)
    whole = _window(layer, x, begins)
    pieces, state = [], layer.initial_state(3)
    for start, end in ((0, 1), (1, 7), (7, TIME)):
        outputs, state = layer(x[:, start:end], begins[:, start:end], state)
        pieces.append(outputs)
    for way, found in (("steps", _steps(layer, x, begins)), ("pieces", tf.concat(pieces, 1))):
        if not _near(whole, found):
            apart = float(tf.reduce_max(tf.abs(whole - found)))
            raise LabError(
                f"The expert {layer.name!r} gives other outputs in {way} than over the whole "
                f"window, up to {apart:.2g} apart: the state has to hold all that later positions "
                "read."
            )


def _is_compiled(layer):
    x, begins = _random(2)

    def learn(x, begins):
        with tf.GradientTape() as tape:
            outputs, _ = layer(x, begins, layer.initial_state(tf.shape(x)[0]), training=True)
            loss = tf.reduce_sum(outputs * tf.cast(tf.range(WIDTH), tf.float32))
        return tape.gradient(loss, [v.value for v in layer.trainable_variables])

    def step(x, begins, state):
        return layer.step(x, begins, state)[0]

    for form, function, xla, given in (
        ("call", partial(_window, layer), False, (x, begins)),
        ("step", step, True, (x[:, 0], begins[:, 0], layer.initial_state(2))),
    ):
        compiled = tf.function(function, jit_compile=xla)
        found = _attempt(layer.name, f"{form}, compiled", compiled, *given)
        if not _near(found, function(*given)):
            raise LabError(
                f"The expert {layer.name!r} gives other outputs in {form} once it is compiled; "
                "compute with TensorFlow alone, not with NumPy or Python numbers."
            )
    gradients = _attempt(layer.name, "its gradient, compiled", tf.function(learn), x, begins)
    for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
        if gradient is None:
            raise LabError(
                f"No gradient reaches {variable.path} of the expert {layer.name!r}, so that it "
                "never learns; use it in call, and compute with TensorFlow alone."
            )


def _has_the_same_names(layer):
    names = [
        [(v.path, tuple(v.shape)) for v in each.weights] for each in (layer, _made(layer.name))
    ]
    for one, other in zip(*names, strict=False):
        if one != other:
            raise LabError(
                f"A weight of the expert {layer.name!r} is {one} and, made again, {other}; a "
                "checkpoint needs the same names and shapes each time."
            )
    if len(names[0]) != len(names[1]):
        raise LabError(
            f"The expert {layer.name!r} has {len(names[0])} weights and, made again, "
            f"{len(names[1])}; a checkpoint needs the same each time."
        )


#: What an expert promises, English and Chinese, and what checks it.
PROMISES = (
    ("Its methods take what the lab gives them", "各方法的参数符合约定", _takes_its_arguments),
    ("It gives (outputs, state) of the right shapes", "输出与状态的形状正确", _gives_its_forms),
    ("It takes any number of texts at once", "批次大小任意，各文本互不影响", _takes_any_batch),
    ("It sees no future", "看不到后面的字", _sees_no_future),
    ("It forgets where a document begins", "在文档开头处遗忘", _forgets),
    ("Window = steps = pieces", "整段 = 逐字 = 分段", _agrees_with_itself),
    ("It is compiled, and every weight learns", "可以编译，每个权重都能学习", _is_compiled),
    (
        "Its weights have the same names each time",
        "每次创建，权重的名称都相同",
        _has_the_same_names,
    ),
)


def _random(batch):
    """(batch, TIME, embedding_dim) and beginnings, the same each time."""
    rng = np.random.default_rng(batch)
    x = rng.normal(size=(batch, TIME, CONFIG.embedding_dim)).astype(np.float32)
    return tf.constant(x), tf.constant(rng.random((batch, TIME)) < 0.15)


def _changed_at(x, position):
    """Another character there: its channels move unlike, as a norm undoes one shift of all."""
    return x + tf.one_hot(position, TIME)[:, None] * tf.linspace(-0.5, 1.0, x.shape[-1])


def _window(layer, x, begins, state=None):
    if state is None:
        state = layer.initial_state(tf.shape(x)[0])
    return layer(x, tf.convert_to_tensor(begins), state)[0]


def _steps(layer, x, begins, state=None):
    state, outputs = layer.initial_state(len(x)) if state is None else state, []
    for t in range(x.shape[1]):
        output, state = layer.step(x[:, t], tf.convert_to_tensor(begins[:, t]), state)
        outputs.append(output)
    return tf.stack(outputs, axis=1)


def _near(one, other):
    return np.allclose(one, other, atol=NEAR)
