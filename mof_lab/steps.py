"""One step of a training: gradients of each replica, compiled; their sum; the update, in place."""

import tensorflow as tf

from .router import router_loss


def make_step(model, variables, optimizer, preset, stage, kept):
    """The function that does one step of a stage: the update, in place.

    Args:
        variables: those of the model that learn, which the optimizer was built for.
        preset, stage: what to do (see `configuration`).
        kept: a variable for the loss, which is known even where an interrupt loses the result.

    Returns:
        step(tokens, weights): token ids (windows, window + 1) and what the loss of each next one
        counts, (windows, window), of each replica; the mean loss in nats a counted character.
    """
    parts, strategy = preset.accumulate, tf.distribute.get_strategy()

    def gradients(tokens, weights, total):
        with tf.GradientTape() as tape:
            out = model(tokens[:, :-1], expert=stage.expert or None, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tokens[:, 1:], out["logits"])
            # Divided by the weight of the whole batch: parts and replicas then simply add up.
            loss = tf.reduce_sum(losses * weights) / total
            wanted = loss
            if stage.balance or stage.entropy:
                added = router_loss(out["router_weights"], weights, stage.balance, stage.entropy)
                wanted = loss + added * tf.reduce_sum(weights) / total
        grads = tape.gradient(wanted, [v.value for v in variables])
        return loss, [tf.convert_to_tensor(g) for g in grads]  # a table's are slices

    compute = tf.function(gradients, jit_compile=True) if preset.xla else gradients

    def summed(tokens, weights, total):
        """The same, one part of the batch after another, added up."""
        if parts == 1:
            return compute(tokens, weights, total)
        tokens, weights = (tf.reshape(x, (parts, -1, x.shape[1])) for x in (tokens, weights))

        def more(i, loss, *sums):
            new, grads = compute(tokens[i], weights[i], total)
            return i + 1, loss + new, *(a + b for a, b in zip(sums, grads, strict=True))

        # A loop of the graph: parts written out would be computed at once, each with its memory.
        start = 0, 0.0, *(tf.zeros(v.shape) for v in variables)
        _, loss, *sums = tf.while_loop(lambda i, *_: i < parts, more, start, parallel_iterations=1)
        return loss, sums

    def replica(tokens, weights):
        add_up = tf.distribute.get_replica_context().all_reduce
        total = add_up(tf.distribute.ReduceOp.SUM, tf.reduce_sum(weights))
        found = summed(tokens, weights, tf.maximum(1.0, total))
        loss, *grads = add_up(tf.distribute.ReduceOp.SUM, tf.nest.flatten(found))
        optimizer.apply(grads, variables)
        return loss

    # Keras would add up what each replica has clipped; what is clipped must be the sum.
    optimizer._all_reduce_sum_gradients = lambda grads_and_variables: grads_and_variables

    @tf.function
    def step(tokens, weights):
        losses = strategy.run(replica, args=(tokens, weights))
        return kept.assign(strategy.experimental_local_results(losses)[0])

    return step
