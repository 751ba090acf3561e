"""How long a learner waits in the first notebook: from its kernel's start to a first answer."""

import queue
import time

from . import machine
from .worker import PROJECT, WorkerError

NOTEBOOK = PROJECT / "notebooks" / "00_start.ipynb"
ANSWER = "image/svg+xml"  # the chat shows itself as a picture once its model has answered
SILENCE = 300  # seconds in which a kernel says nothing
AFTERWARDS = 30  # the same, once the last cell ran: the chat answers beside the cells


def seconds_to_first_answer(environment=None):
    """From the start of a kernel to the first picture of the first notebook: the chat's answers.

    Args:
        environment: variables for the kernel, added to those of a worker.

    Returns:
        seconds; a `WorkerError` where the notebook fails, ends or falls silent before.
    """
    import nbformat
    from jupyter_client.manager import start_new_kernel

    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    variables = {**machine.worker_environment(), **(environment or {})}
    started = time.perf_counter()
    try:
        manager, client = start_new_kernel(cwd=NOTEBOOK.parent, env=variables)
    except RuntimeError as error:
        raise WorkerError(f"the kernel of {NOTEBOOK.name} did not start: {error}") from None
    try:
        asked = [client.execute(cell.source) for cell in cells if cell.cell_type == "code"]
        patience = SILENCE
        while True:
            message = client.get_iopub_msg(timeout=patience)
            kind, content = message["msg_type"], message["content"]
            if kind == "error":
                raise WorkerError(
                    f"{NOTEBOOK.name} failed: {content['ename']}: {content['evalue']}"
                )
            shown = kind in ("display_data", "update_display_data")
            if shown and ANSWER in content["data"]:
                return time.perf_counter() - started
            ended = kind == "status" and content["execution_state"] == "idle"
            if ended and message["parent_header"].get("msg_id") == asked[-1]:
                patience = AFTERWARDS
    except queue.Empty:
        raise WorkerError(
            f"{NOTEBOOK.name} said nothing for {patience} seconds before a first answer"
        ) from None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
