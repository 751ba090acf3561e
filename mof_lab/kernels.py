"""The two recurrences of MoF, in their training form: a whole window at once.

`gru_sequence` is a GRU whose gradient is written by hand, `linear_attention` is the
causal linear attention in chunks, `running_mean` is linear attention with all keys and
queries equal to one. All three forget everything where a document begins, so packed
documents cannot see each other, and all three take and return a state, so a text may be
cut into pieces anywhere. The one-step forms live in `layers.py`; the tests hold the two
forms equal.
"""

import tensorflow as tf


def shape_of(x):
    """The shape, numbers where they are known: a graph of shapes it computes is twice as large."""
    return [tf.shape(x)[i] if n is None else n for i, n in enumerate(x.shape)]


def gru_sequence(input_product, keep, recurrent_kernel, recurrent_bias, initial_state):
    """Runs a GRU over a window, Keras's equations with `reset_after=True`.

    Cho et al. 2014, eq. 5-8, in the form of cuDNN: the reset gate multiplies the recurrent
    product. The gradient is ours because an automatic one does a small product for the
    weights at every step; here the loop backwards does one product a step, and the weight
    gradient is a single product over all steps.

    Args:
        input_product: (time, batch, 3 * units), `x W + b`, gates in the order z, r, n.
        keep: (time, batch, 1), 0 where a document begins (the state is forgotten), else 1.
        recurrent_kernel: (units, 3 * units).
        recurrent_bias: (3 * units,).
        initial_state: (batch, units).

    Returns:
        (time, batch, units): the hidden state after each step.
    """

    @tf.custom_gradient
    def run(input_product, recurrent_kernel, recurrent_bias, initial_state):
        steps = shape_of(input_product)[0]

        def forward(t, hidden, hiddens, gates):
            hidden = hidden * keep[t]
            x_z, x_r, x_n = tf.split(input_product[t], 3, axis=-1)
            h_z, h_r, h_n = tf.split(hidden @ recurrent_kernel + recurrent_bias, 3, axis=-1)
            update = tf.sigmoid(x_z + h_z)
            reset = tf.sigmoid(x_r + h_r)
            candidate = tf.tanh(x_n + reset * h_n)
            new = candidate + update * (hidden - candidate)
            stored = tf.concat([hidden, update, reset, candidate, h_n], axis=-1)
            return t + 1, new, hiddens.write(t, new), gates.write(t, stored)

        empty = tf.TensorArray(tf.float32, size=steps)
        _, _, hiddens, gates = tf.while_loop(
            lambda t, *_: t < steps,
            forward,
            (tf.constant(0), initial_state, empty, tf.TensorArray(tf.float32, size=steps)),
            maximum_iterations=steps,
        )
        hiddens, gates = hiddens.stack(), gates.stack()

        def gradient(d_hiddens):
            hidden, update, reset, candidate, h_n = tf.split(gates, 5, axis=-1)
            # Every factor between d hidden and d gate is known before the loop starts.
            to_candidate = (1 - update) * (1 - candidate * candidate)
            to_gates = tf.concat(
                [
                    (hidden - candidate) * update * (1 - update),
                    to_candidate * h_n * reset * (1 - reset),
                    to_candidate * reset,
                ],
                axis=-1,
            )  # (time, batch, 3 * units)
            transposed = tf.transpose(recurrent_kernel)

            def backward(i, d_hidden, d_totals, d_products):
                t = steps - 1 - i
                total = d_hidden + d_hiddens[t]
                d_product = tf.concat([total, total, total], axis=-1) * to_gates[t]
                d_hidden = (total * update[t] + d_product @ transposed) * keep[t]
                return i + 1, d_hidden, d_totals.write(t, total), d_products.write(t, d_product)

            empty = tf.TensorArray(tf.float32, size=steps)
            _, d_initial, d_totals, d_products = tf.while_loop(
                lambda i, *_: i < steps,
                backward,
                (
                    tf.constant(0),
                    tf.zeros_like(initial_state),
                    empty,
                    tf.TensorArray(tf.float32, size=steps),
                ),
                maximum_iterations=steps,
            )
            d_products = d_products.stack()
            units = initial_state.shape[-1]
            d_input = tf.concat(
                [d_products[..., : 2 * units], d_totals.stack() * to_candidate], axis=-1
            )
            flat = tf.reshape(d_products, (-1, 3 * units))
            d_kernel = tf.matmul(tf.reshape(hidden, (-1, units)), flat, transpose_a=True)
            return d_input, d_kernel, tf.reduce_sum(flat, axis=0), d_initial

        return hiddens, gradient

    return run(input_product, recurrent_kernel, recurrent_bias, initial_state)


def linear_attention(queries, keys, values, decay, begins, state, chunk=64):
    """Causal linear attention with decay, in chunks.

    `S_t = γ S_{t-1} + k_t v_tᵀ`, `o_t = q_t S_t / (q_t · z_t)`, with `z` carried as the last
    column of `S` (its values are all one). Katharopoulos et al. 2020, eq. 18-20; the chunked
    form with decay is that of RetNet (Sun et al. 2023, eq. 7). Within a chunk the weights are
    a masked (chunk, chunk) product; between chunks only the states meet, and they too are
    joined by one small masked product, so nothing here loops over time.

    Args:
        queries, keys: (batch, heads, time, features), positive (after the feature map).
        values: (batch, heads, time, head_dim).
        decay: (heads,), γ in (0, 1].
        begins: (batch, time), True where a document begins.
        state: (batch, heads, features, head_dim + 1), from the positions before.
        chunk: positions a chunk.

    Returns:
        (batch, heads, time, head_dim) and the state after the last position.
    """
    time = queries.shape[2]
    ones = tf.ones_like(values[..., :1])
    values = tf.concat([values, ones], axis=-1)
    whole = time // chunk * chunk
    outputs = []
    if whole:
        part = (x[:, :, :whole] for x in (queries, keys, values))
        output, state = _chunks(*part, decay, begins[:, :whole], state, chunk)
        outputs.append(output)
    if whole < time:
        part = (x[:, :, whole:] for x in (queries, keys, values))
        output, state = _chunks(*part, decay, begins[:, whole:], state, time - whole)
        outputs.append(output)
    summed = tf.concat(outputs, axis=2) if len(outputs) > 1 else outputs[0]
    return normalise(summed), state


def normalise(summed):
    """Divides weighted sums of values (..., head_dim) by the sum of weights, the last column."""
    return summed[..., :-1] / tf.maximum(summed[..., -1:], 1e-12)


def _chunks(queries, keys, values, decay, begins, state, chunk):
    """Weighted sums for a time that is a multiple of `chunk`; see `linear_attention`."""
    batch, heads, time, features = shape_of(queries)
    width = values.shape[-1]
    count = time // chunk

    def cut(x):
        return tf.reshape(x, (batch, heads, count, chunk, x.shape[-1]))

    queries, keys, values = cut(queries), cut(keys), cut(values)
    # Two positions see each other when no document begins between them.
    document = tf.cumsum(tf.cast(begins, tf.float32), axis=1)  # (batch, time)
    document = tf.reshape(document, (batch, 1, count, chunk))
    last = document[..., -1]  # (batch, 1, count)
    before = tf.concat([tf.zeros_like(last[..., :1]), last[..., :-1]], axis=-1)

    position = tf.range(chunk, dtype=tf.float32)
    log_decay = tf.math.log(decay)[:, None]  # (heads, 1)
    distance = position[:, None] - position[None, :]
    causal = tf.where(distance >= 0, tf.exp(log_decay[..., None] * tf.abs(distance)), 0.0)

    same = tf.cast(document[..., :, None] == document[..., None, :], tf.float32)
    scores = tf.matmul(queries, keys, transpose_b=True) * causal[:, None] * same
    inside = tf.matmul(scores, values)  # (batch, heads, count, chunk, width)

    # What each chunk adds to the state, seen from the chunk's end.
    fade = tf.exp(log_decay * (chunk - 1 - position))[:, None, :, None]
    reaches_end = tf.cast(document == last[..., None], tf.float32)[..., None]
    added = tf.matmul(keys * fade * reaches_end, values, transpose_a=True)

    # The state after chunk n: all chunks m <= n of the same document, decayed by n - m chunks.
    index = tf.range(count, dtype=tf.float32)
    gap = index[:, None] - index[None, :]
    carry = tf.where(gap >= 0, tf.exp(log_decay[..., None] * chunk * tf.abs(gap)), 0.0)
    carry = carry * tf.cast(last[..., :, None] == last[..., None, :], tf.float32)
    flat = tf.reshape(added, (batch, heads, count, features * width))
    after = tf.reshape(tf.matmul(carry, flat), (batch, heads, count, features, width))
    kept = tf.exp(log_decay * chunk * (index + 1)) * tf.cast(last == 0, tf.float32)
    after += kept[..., None, None] * state[:, :, None]

    states = tf.concat([state[:, :, None], after[:, :, :-1]], axis=2)
    reach = tf.exp(log_decay * (position + 1))[:, None] * tf.cast(
        document == before[..., None], tf.float32
    )  # (batch, heads, count, chunk)
    summed = inside + tf.matmul(queries * reach[..., None], states)
    return tf.reshape(summed, (batch, heads, time, width)), after[:, :, -1]


def running_mean(values, begins, state, chunk=64):
    """The mean of all positions of the document so far, at every position.

    Args:
        values: (batch, time, size).
        begins: (batch, time), True where a document begins.
        state: (batch, size + 1): the sum so far and the number of positions in it.

    Returns:
        (batch, time, size) and the state after the last position.
    """
    ones = tf.ones_like(values[:, None, :, :1])
    mean, state = linear_attention(
        ones, ones, values[:, None], tf.ones((1,)), begins, state[:, None, None], chunk
    )
    return mean[:, 0], state[:, 0, 0]
