"""Suite `train`: training speed of a whole model and of one GRU layer.

Ours is the lab's trainer on all parts of the preset's model. The published package, a PyTorch
transformer of equal size and a matrix product of the machine run in the same rounds. Each is
measured at two shapes of a batch and judged by its better one. What the matrix products alone
would take bounds each ratio. Ours without XLA is measured beside ours with it, apart from the
others: all of them at once would not fit into 16 GB.
"""

from functools import partial

from mof_lab.configuration import to_dict

from .peers import ours, peer
from .results import Result
from .timing import Field, medians, ratio, speed

PRESET = "t6"
AGAINST = ("published", "pytorch", "keras", "no-xla")
ROUNDS = 5
SHAPES = ((8, 128), (16, 128))  # windows, characters a window
SECONDS = 4.0  # of training a round, and at least one step
LAYERS = {  # windows, characters a window, inputs, units
    "small": (16, 128, 256, 512),
    "large": (32, 256, 512, 1400),
}


def run(options, tell):
    """Measures; see `benchmarks.__main__` for the options."""
    header = ("what", "program", "tokens/s", "GFLOP/s", "peak memory", "ours ÷")
    result = Result("train", options.label, PRESET, header)
    best, of_rate = {}, {"ours": [], "products": []}
    for batch, window in SHAPES:
        found, rates = _models(options, batch, window, result, tell)
        for name, value in found.items():
            best[name] = max(value, best.get(name, 0))
        for name, rate in rates.items():
            of_rate[name].append(rate)
    for name, figure in (("published", "published"), ("pytorch", "pytorch_transformer")):
        _compare(result, f"{{preset}}_train_vs_{figure}", best, name)
    most = {name: max(filter(None, rates), default=None) for name, rates in of_rate.items()}
    result.set("{preset}_train_of_matmul_rate", most["ours"])
    result.bound("{preset}_train_of_matmul_rate", most["products"])
    if "no-xla" in options.against:
        _without_xla(options, *SHAPES[0], result, tell)
    for size, shape in LAYERS.items():
        found = _layers(options, size, shape, result, tell)
        for name in ("keras", "pytorch"):
            if f"gru_vs_{name}_{size}" in result.bars:
                _compare(result, f"gru_vs_{name}_{size}", found, name)
    return result


def _compare(result, figure, found, name):
    """Sets a figure to ours over another program's speed, bounded by the products alone."""
    result.set(figure, ratio(found.get("ours"), found.get(name)))
    result.bound(figure, ratio(found.get("products"), found.get(name)))


def _models(options, batch, window, result, tell):
    """One shape of a batch: program → tokens a second, and what of the product rate that is.

    The second, of ours and of its products alone, is empty where ours failed.
    """
    preset = options.chosen
    tell(f"Training {options.label}, {batch} windows of {window} characters.")
    answers = {}
    with Field(tell, result.notes) as field:
        shape = {"batch": batch, "window": window}
        vocabulary = {"vocabulary_size": preset.vocabulary_size}
        request = {**options.request, **shape}
        answers["ours"] = field.add("ours", partial(ours, "training"), "start", **request)
        if answers["ours"] is None:
            return {}, {}
        field.add("matmul", partial(ours, "kernels", "matmul"), "matmul", seconds=1)
        field.add("products", partial(ours, "kernels", "products"), "start_products", **request)
        if "published" in options.against:
            config = None if preset.name == "t6" else to_dict(preset.model)
            answers["published"] = field.add(
                "published",
                partial(peer, "published", "published", tell),
                "start",
                config=config,
                **vocabulary,
                **shape,
            )
        if "pytorch" in options.against:
            answers["pytorch"] = field.add(
                "pytorch",
                partial(peer, "pytorch", "pytorch", tell),
                "start",
                parameters=answers["ours"]["in_products"],
                **vocabulary,
                **shape,
            )
        measures = {name: speed("run", seconds=SECONDS) for name in answers}
        products = {"matmul": _product_rate, "pytorch: matmul": _product_rate}
        measures["products"] = speed("run_products")
        measured = field.interleave({**measures, **products}, options.rounds)
        peaks = {name: worker.peak_memory for name, worker in field.workers.items()}
    result.measured[f"model {batch}x{window}"] = measured
    found = medians(measured)
    rates = [found.pop(name) for name in products if name in found]
    bound = found.get("products")
    for name, value in found.items():
        if name == "products":
            continue
        flops = 6 * answers[name]["in_products"] * value
        result.rows.append(
            (
                f"{options.label}, {batch}×{window}",
                f"{name}, {answers[name]['parameters'] / 1e6:.1f} M",
                f"{value:,.0f}",
                f"{flops / 1e9:,.0f}",
                f"{peaks[name] / 1e9:.1f} GB",
                f"{found['ours'] / value:.2f} ×",
            )
        )
    if bound:
        flops = 6 * answers["ours"]["in_products"] * bound
        over = f"{found['ours'] / bound:.2f} ×"
        result.rows.append(
            ("its matrix products alone", "", f"{bound:,.0f}", f"{flops / 1e9:,.0f}", "", over)
        )
    rate = max(rates, default=None)
    if rate:
        result.rows.append(("a matrix product", "", "", f"{rate / 1e9:,.0f}", "", ""))
    flops = {x: 6 * answers["ours"]["in_products"] * found.get(x, 0) for x in ("ours", "products")}
    return found, {name: ratio(value, rate) for name, value in flops.items()}


def _without_xla(options, batch, window, result, tell):
    """Ours as a graph beside ours compiled: what XLA gives is measured, not believed."""
    request = {**options.request, "batch": batch, "window": window}
    programs = {"ours": True, "ours, without XLA": False}
    with Field(tell, result.notes) as field:
        for program, xla in programs.items():
            field.add(program, partial(ours, "training", program), "start", xla=xla, **request)
        measures = {program: speed("run", seconds=SECONDS) for program in programs}
        measured = field.interleave(measures, options.rounds)
        peaks = {program: worker.peak_memory for program, worker in field.workers.items()}
    result.measured[f"xla {batch}x{window}"] = measured
    found = medians(measured)
    for program, value in found.items():
        over = f"{found['ours'] / value:.2f} ×" if "ours" in found else ""
        peak = f"{peaks[program] / 1e9:.1f} GB"
        row = (
            f"XLA or not: {options.label}, {batch}×{window}",
            program,
            f"{value:,.0f}",
            "",
            peak,
            over,
        )
        result.rows.append(row)


def _layers(options, size, shape, result, tell):
    """The GRU layer at one size: program → tokens a second, forward and backward."""
    batch, time, inputs, units = shape
    words = f"GRU {batch}×{time}, {inputs}→{units}"
    tell(f"{words}, forward and backward.")
    sizes = {"batch": batch, "time": time, "inputs": inputs, "units": units}
    starts = {
        "ours": (partial(ours, "kernels"), "start_ours"),
        "keras": (partial(ours, "kernels", "keras"), "start_keras"),
        "pytorch": (partial(peer, "pytorch", "pytorch", tell), "start_gru"),
    }
    with Field(tell, result.notes) as field:
        for name, (start, do) in starts.items():
            if name == "ours" or name in options.against:
                field.add(name, start, do, **sizes)
        products = partial(ours, "kernels", "products")
        field.add("products", products, "start_layer_products", **sizes)
        measures = {name: speed("run", seconds=1.0) for name in ("ours", "keras")}
        measures["pytorch"] = speed("run_gru", seconds=1.0)
        measures["products"] = speed("run_products")
        measured = field.interleave(measures, options.rounds)
        peaks = {name: worker.peak_memory for name, worker in field.workers.items()}
    result.measured[f"gru {size}"] = measured
    found = medians(measured)
    for name, value in found.items():
        flops = 18 * units * (inputs + units) * value  # 3 gates, and a backward twice the forward
        over = f"{found['ours'] / value:.2f} ×" if "ours" in found else ""
        program = "its matrix products alone" if name == "products" else name
        peak = "" if name == "products" else f"{peaks[name] / 1e9:.1f} GB"
        row = (words, program, f"{value:,.0f}", f"{flops / 1e9:,.0f}", peak)
        result.rows.append((*row, over))
    return found


def _product_rate(worker):
    return worker.ask("matmul", seconds=1)["flops"]
