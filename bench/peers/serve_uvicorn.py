"""uvicorn with onnxruntime, as one writes it by hand: the same requests, the same exported net."""
import json
import os

import numpy as np
import onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = int(os.environ["THREADS"])
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
types = {
    "tensor(string)": object,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
}
wanted = {i.name: types[i.type] for i in session.get_inputs()}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if not scope["path"].endswith("/infer"):
        answer = b"{}"
    else:
        inputs = {
            i["name"]: np.array(i["data"], dtype=wanted[i["name"]]).reshape(i["shape"])
            for i in json.loads(body)["inputs"]
        }
        scores = session.run(["probabilities"], inputs)[0].reshape(-1)
        output = {"name": "score", "datatype": "FP32", "shape": list(scores.shape)}
        answer = json.dumps({"outputs": [{**output, "data": scores.tolist()}]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
