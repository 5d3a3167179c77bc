"""Verifies many files in one process: a line of JSON in, {"file": base64, "arguments": [...]}, a line out, the report.

In `arguments` the value of --checkpoint is the checkpoint itself."""
import base64, json, sys

import verify

for line in sys.stdin:
    request = json.loads(line)
    pins, _ = verify.read_pins([*request['arguments'], 'FILE'], str.encode)
    print(json.dumps(verify.verify(base64.b64decode(request['file']), pins)), flush=True)
