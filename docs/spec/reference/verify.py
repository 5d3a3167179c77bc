#!/usr/bin/env python3
"""Verifies an evidence file as docs/spec/evidence.md says, with the standard library alone.

Exit codes: 0 verified, 1 rejected, 2 wrong usage, 3 unreadable file.
It plans nothing, so the check `plan` is always skipped. Sections named below are those of the specification.
"""
import argparse, base64, bisect, hashlib, json, math, re, sys
from decimal import Decimal

MIB, SAFE, SHARDS, LEASE, ROW = 1 << 20, 2**53 - 1, 16 << 20, 4096, 4096
CHECKS = ('format contract envelope statement contract-hash replay-key plan result shards trace receipts verification '
          'inclusion checkpoint consistency witnesses corrections').split()
PAYLOAD_TYPE = 'application/vnd.in-toto+json'

class Reject(ValueError):
    """A check fails."""

class Skip(Exception):
    """A check cannot be made."""

def need(condition, why):
    if not condition:
        raise Reject(why)

def sha(data):
    return hashlib.sha256(data).digest()

def hexsha(text):
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()

# --- Section 1: strict JSON, canonical form, base 64

def utf8(data):
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError:
        raise Reject('not UTF-8')

def pairs(items):
    members = dict(items)
    need(len(members) == len(items), 'a key stands twice in one object')
    need('__proto__' not in members, 'a key is __proto__')
    return members

def sound(value, depth=0):
    """Rejects what JSON can say and strict JSON does not."""
    if isinstance(value, float):
        need(math.isfinite(value), 'a number is out of range')
    elif isinstance(value, str):
        need(not re.search('[\ud800-\udfff]', value), 'half of a surrogate pair')
    elif isinstance(value, (list, dict)):
        need(depth < 32, 'nesting is deeper than 32')
        for item in value if isinstance(value, list) else [*value, *value.values()]:
            sound(item, depth + 1)

def parse(text, limit):
    """A strict JSON value; every number is a float."""
    need(len(text.encode('utf-8', 'surrogatepass')) <= limit, 'the text is too long')
    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_int=float)  # NaN and infinities: sound refuses them
    except (ValueError, RecursionError) as error:
        raise Reject(f'not JSON: {error}')
    sound(value)
    return value

def number(value):
    """RFC 8785, 3.2.2.3: as ECMAScript writes a double. Its shortest digits are those of Python's repr."""
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    digits, point = ''.join(map(str, digits)), len(digits) + exponent  # the value is 0.digits times 10^point
    if value == 0:
        return '0'
    if len(digits) <= point <= 21:
        text = digits + '0' * (point - len(digits))
    elif 0 < point <= 21:
        text = digits[:point] + '.' + digits[point:]
    elif -6 < point <= 0:
        text = '0.' + '0' * -point + digits
    else:
        text = f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{point - 1:+d}"
    return '-' * sign + text

def quoted(text):
    short = {'"': '\\"', '\\': '\\\\', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r'}
    return '"' + re.sub(r'["\\\x00-\x1f]', lambda m: short.get(m[0], f'\\u{ord(m[0]):04x}'), text) + '"'

def canonical(value):
    if value is None or isinstance(value, bool):
        return {None: 'null', True: 'true', False: 'false'}[value]
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return '[' + ','.join(map(canonical, value)) + ']'
    keys = sorted(value, key=lambda key: key.encode('utf-16-be'))
    return '{' + ','.join(quoted(key) + ':' + canonical(value[key]) for key in keys) + '}'

def parse_canonical(text, limit):
    value = parse(text, limit)
    need(canonical(value) == text, 'the text is not in canonical form')
    return value

def b64(text, length=None):
    try:
        data = base64.b64decode(text.encode('ascii'), validate=True)
    except ValueError:
        raise Reject('not base 64')
    need(base64.b64encode(data).decode() == text, 'base 64 with spare bits or without padding')
    need(length is None or len(data) == length, f'{len(data)} bytes instead of {length}')
    return data

# --- Schemas. A string is a pattern, a number that number, a set one of its texts, a list an array [item, least, most], a
# tuple a row of items, a dict an object whose names with `?` are optional, a function what it does not reject.

def fits(schema, value):
    if callable(schema):
        schema(value)
    elif isinstance(schema, str):
        need(type(value) is str and re.fullmatch(schema, value), 'a text of another form')
    elif isinstance(schema, float):
        need(type(value) is float and value == schema, 'another number')
    elif isinstance(schema, set):
        need(type(value) is str and value in schema, 'an unknown word')
    elif isinstance(schema, list):
        item, least, most = schema
        need(type(value) is list and least <= len(value) <= most, 'no array of such a length')
        for one in value:
            fits(item, one)
    elif isinstance(schema, tuple):
        need(type(value) is list and len(value) == len(schema), 'no array of such a length')
        for item, one in zip(schema, value):
            fits(item, one)
    else:
        need(type(value) is dict, 'no object')
        need(all(name in schema or name + '?' in schema for name in value), 'an unknown field')
        need(all(name in value or name[-1] == '?' for name in schema), 'a field is missing')
        for name, one in value.items():
            fits(schema.get(name) or schema[name + '?'], one)

def integer(low, high=SAFE):
    return lambda value: need(type(value) is float and value.is_integer() and low <= value <= high, 'no such integer')

def real(low, high=math.inf):
    return lambda value: need(type(value) is float and low <= value <= high, 'no such number')

def text(low, high=1 << 62):  # lengths are in UTF-16 units
    return lambda value: need(type(value) is str and low <= len(value.encode('utf-16-le')) // 2 <= high, 'no such text')

def base64_of(length=None, high=1 << 62):
    return lambda value: need(type(value) is str and 0 < len(value) <= high and b64(value, length), 'no such base 64')

def table(key, item, high=SAFE):
    def check(value):
        need(type(value) is dict and len(value) <= high, 'no object of such a size')
        for name, one in value.items():
            fits(key, name)
            fits(item, one)
    return check

def by_mode(**kinds):
    def check(value):
        need(type(value) is dict and type(value.get('mode')) is str and value['mode'] in kinds, 'an unknown mode')
        fits({'mode': value['mode'], **kinds[value['mode']]}, value)
    return check

def share(most):
    return lambda value: need(type(value) is float and 0 < value <= most, f'not above 0 and at most {most}')

DIGEST, NAME, UUID = '[0-9a-f]{64}', '[a-z][a-z0-9_]{0,31}', '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
DTYPE = {'int8', 'int16', 'int32', 'uint8', 'uint32', 'float32', 'float64'}
EXECUTOR, METHOD = {'webgpu', 'wasm', 'cpu'}, {'single', 'quorum', 'referee', 'algebraic'}
VERIFY = by_mode(none={}, full={}, algebraic={}, spotcheck={'rate': share(1)}, quorum={'k': integer(2, 7)},
                 adaptive={'epsilon': share(math.nextafter(1, 0))})
CONTRACT = {
    'contract': 1.0, 'args': table('(?s).*', lambda value: None), 'verify': VERIFY, 'artifacts?': [NAME, 0, 16],
    'op': {'name': '[a-z]{1,16}', 'version': integer(1, 10**6), 'profile': r'[a-z0-9]{1,24}\.v[1-9][0-9]{0,5}'},
    'inputs': table(NAME, {'digest': DIGEST, 'dtype': DTYPE, 'shape': [integer(1, 64 * MIB), 1, 4],
                           'kv_version?': integer(1)}, 16),
    'seed': by_mode(explicit={'value': '[ -~]{1,128}'}, derived={}),
    'policy': {'target': {'any', 'cpu', 'gpu'}, 'min_agents': integer(1, 10**6), 'max_agents?': integer(1, 10**6),
               'timeout_ms': integer(1000, 604800000), 'classification': {'public', 'project'}}}
RECORD = {
    'record': 1.0, 'job_id': UUID, 'salt': '[0-9a-f]{32}', 'op': text(1, 64), 'contract_hash': DIGEST,
    'replay_key': DIGEST, 'plan_digest': DIGEST, 'kernel_semantics': integer(1), 'kernel': DIGEST,
    'tables': table('[a-z0-9_-]{1,64}', DIGEST), 'trace': DIGEST, 'work_units': integer(0),
    'shards': {'planned': integer(0, SHARDS), 'accepted': integer(1, SHARDS), 'root': DIGEST},
    'result': {'digest': DIGEST, 'artifacts': [
        {'name': text(1, 64), 'digest': DIGEST, 'dtype': DTYPE, 'shape': [integer(0), 0, 4], 'bytes': integer(0)}, 0, 64]},
    'verification': {'asked': VERIFY, 'methods': dict.fromkeys(METHOD, integer(0, SHARDS)),
                     'copies': integer(0), 'keys': integer(0), 'owners': integer(0),
                     'canaries?': {'given': integer(1), 'wrong': integer(0)},
                     'bound?': {'audits': integer(0, SHARDS), 'audits_bad': integer(0, 65536), 'doubt_single': real(0),
                                'doubt_agreed': real(0), 'copies_per_shard': real(0), 'wrong_fraction?': real(0, 1),
                                'modelled_error': real(0, 1), 'result?': {
                                    'figure': text(1, 120), 'unit?': text(1, 40), 'at_most': real(0)}}},
    'receipts': {'count': integer(0), 'root': DIGEST, 'lease_hubs?': [DIGEST, 1, 16]},
    'credits': lambda value: value is None or integer(0)(value),
    'settled_at': '[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z'}
TRACE = {'trace': 1.0, 'agents': [DIGEST, 0, 10**6], 'runs': [{
    'first': integer(0), 'count': integer(1, SHARDS), 'method': METHOD,
    'copies': [(integer(-1), integer(-1), EXECUTOR), 1, 64]}, 1, SHARDS]}
RANGE = {'lease_id': text(1, 64), 'epoch': integer(0), 'contract_hash': DIGEST, 'plan_digest': DIGEST,
         'first': integer(0), 'count': integer(1, LEASE)}
RECEIPT = {1: {**RANGE, 'receipt': 1.0, 'result_root': DIGEST, 'executor': EXECUTOR, 'software': text(0, 256)}}
RECEIPT[2] = {**RECEIPT[1], 'receipt': 2.0, 'lease': DIGEST}
ENVELOPE = {'payload': base64_of(None, 128 * 1024), 'payloadType': {PAYLOAD_TYPE},
            'signatures': [{'keyid': DIGEST, 'sig': base64_of(64)}, 1, 4]}
CORRECTION = {
    'correction': 1.0, 'salt': '[0-9a-f]{32}', 'kernel': DIGEST, 'checked': integer(1, SHARDS),
    'record': {'index': integer(0), 'envelope': DIGEST, 'job_id': UUID},
    'wrong': [(integer(0), DIGEST, DIGEST), 1, 512], 'corrected_at': RECORD['settled_at']}
BUNDLE = {
    'forge': 1.0, 'contract': text(1), 'replay_key_material': text(1), 'result': text(1), 'trace': text(1),
    'envelope': ENVELOPE,
    'corrections?': [{'envelope': ENVELOPE, 'key': base64_of(32), 'index': integer(0), 'hashes': [base64_of(32), 0, 63]},
                     1, 1024],
    'receipts': [{'receipt': text(1), 'key': base64_of(32), 'signature': base64_of(64),
                  'differs?': [(integer(0), DIGEST), 1, LEASE]}, 0, 4 * MIB],
    'log': {'proof': text(1), 'consistency?': {'old': integer(0), 'hashes': [base64_of(32), 0, 63]}},
    'keys': {'hub': base64_of(32), 'log': text(1, 512), 'witnesses': [text(1, 512), 0, 64]},
    'digests?': [base64_of(None, 174764), 0, SHARDS // ROW]}

# --- Section 5.1: the one-sided 95 % limit of Clopper and Pearson

def at_most(bad, audits):
    if bad == audits:
        return 1.0
    low, high = bad / audits, 1.0
    while high - low > high * 2 ** -40:
        p = (low + high) / 2
        # The largest term by logarithms, the smaller ones by their ratios to it.
        term = total = 1.0
        for j in range(bad, 0, -1):
            term *= j / (audits - j + 1) * (1 - p) / p
            total += term
            if term < total * 2 ** -60:
                break
        largest = (math.lgamma(audits + 1) - math.lgamma(bad + 1) - math.lgamma(audits - bad + 1)
                   + bad * math.log(p) + (audits - bad) * math.log1p(-p))
        low, high = (p, high) if largest + math.log(total) > math.log(0.05) else (low, p)
    return high

# --- Section 2: Ed25519, RFC 8032, cofactorless and strict

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ZERO = (0, 1, 1, 0)  # points are (X, Y, Z, T) with x = X/Z, y = Y/Z, T = XY/Z

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

def decode_point(data):
    y = int.from_bytes(data, 'little')
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P

BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, 'little'))

def signed_by(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, s = decode_point(key), int.from_bytes(signature[32:], 'little')
    if a is None or s >= L:
        return False
    eighth = a
    for _ in range(3):
        eighth = add(eighth, eighth)
    if eighth[0] % P == 0:  # [8]A is the identity: no other point with x = 0 is eight times a point
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), 'little') % L
    minus = (P - a[0], a[1], 1, P - a[3])
    choice, point = (ZERO, BASE, minus, add(BASE, minus)), ZERO  # [S]B - [k]A, both at once
    for bit in range(252, -1, -1):
        point = add(point, point)
        chosen = (s >> bit & 1) | (k >> bit & 1) << 1
        if chosen:
            point = add(point, choice[chosen])
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, 'little') == signature[:32]

# --- Section 5: DSSE envelopes

def sealed_by(envelope, key):
    payload = b64(envelope['payload'])
    message = f'DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} '.encode() + payload
    named = [one['sig'] for one in envelope['signatures'] if one['keyid'] == hexsha(key)]
    return bool(named) and signed_by(key, message, b64(named[0]))

def opened(envelope):
    """The payload's text, and the predicate in it."""
    payload = utf8(b64(envelope['payload']))
    statement = parse_canonical(payload, 128 * 1024)
    need(type(statement) is dict and 'predicate' in statement, 'not a statement')
    return payload, statement['predicate']

# --- Merkle trees, RFC 6962 and 9162

def leaf_hash(data):
    return sha(b'\0' + data)

def node_hash(left, right):
    return sha(b'\1' + left + right)

def tree_root(leaves):
    level = [leaf_hash(leaf) for leaf in leaves] or [sha(b'')]
    while len(level) > 1:  # the last of an odd row moves up as it is, which is the tree of RFC 6962
        level = [node_hash(*level[at:at + 2]) if at + 1 < len(level) else level[at] for at in range(0, len(level), 2)]
    return level[0]

def climb(fn, sn, steps, hashes):
    """Both proofs' walk. `hashes` are [old, new] for consistency and [new] for inclusion. None for a walk that ends amiss."""
    for step in steps:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            hashes = [node_hash(step, one) for one in hashes]
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            hashes[-1] = node_hash(hashes[-1], step)
        fn, sn = fn >> 1, sn >> 1
    return hashes if sn == 0 else None

def included(leaf, index, size, proof, root):
    return index < size and climb(index, size - 1, proof, [leaf]) == [root]

def consistent(old, size, old_root, root, proof):
    if old in (0, size):
        return not proof and (old == 0 < size or old_root == root)
    if old > size or not proof:
        return False
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return climb(fn, sn, steps[1:], [steps[0], steps[0]]) == [old_root, root]

# --- Section 6: verifier keys, signed notes, checkpoints, proofs

KEY_NAME = r'[!-*,-~]{1,255}'

def note_key_id(name, typed):
    return sha(name.encode() + b'\n' + typed)[:4]

def parse_vkey(vkey):
    match = re.fullmatch(f'({KEY_NAME})\\+([0-9a-f]{{8}})\\+([A-Za-z0-9+/=]+)', vkey)
    need(match, 'not a verifier key')
    data = b64(match[3], 33)
    need(data[0] in (1, 4), 'a key of an unknown type')
    need(note_key_id(match[1], data).hex() == match[2], "a verifier key whose hash is not the key's")
    return match[1], data

def parse_note(note):
    need(len(note.encode('utf-8', 'surrogatepass')) <= 65536, 'a note of more than 65,536 bytes')
    need(not re.search('[\ud800-\udfff\x00-\x09\x0b-\x1f]', note), 'a note with control characters')
    body, gap, lines = note.rpartition('\n\n')
    need(gap and note.endswith('\n'), 'not a signed note')
    lines = lines[:-1].split('\n')
    need(len(lines) <= 64, 'a note of more than 64 signatures')
    signatures = []
    for line in lines:
        match = re.fullmatch(f'\u2014 ({KEY_NAME}) ([A-Za-z0-9+/]+={{0,2}})', line)
        need(match, 'a signature line is malformed')
        data = b64(match[2])
        need(len(data) >= 5, 'a signature is too short')
        signatures.append((match[1], data[:4], data[4:]))
    return body + '\n', signatures

def note_state(note, key):
    """'valid', 'invalid' or 'absent'."""
    (body, signatures), (name, typed), state = note, key, 'absent'
    for signer, key_id, data in signatures:
        if signer != name or key_id != note_key_id(name, typed):
            continue
        message = body.encode()
        if typed[0] == 4:
            stamp = int.from_bytes(data[:8], 'big')
            if len(data) != 72 or stamp >> 63:
                return 'invalid'
            message, data = f'cosignature/v1\ntime {stamp}\n'.encode() + message, data[8:]
        if not signed_by(typed[1:], message, data):
            return 'invalid'
        state = 'valid'
    return state

def parse_count(digits):
    need(re.fullmatch('0|[1-9][0-9]{0,15}', digits) and int(digits) <= SAFE, 'not a count')
    return int(digits)

def parse_checkpoint(body):
    lines = body.split('\n')
    need(len(lines) == 4 and lines[3] == '' and re.fullmatch(KEY_NAME, lines[0]), 'not a checkpoint')
    return lines[0], parse_count(lines[1]), b64(lines[2], 32)

def parse_proof(proof):
    head, gap, note = proof.partition('\n\n')
    lines = head.split('\n')
    need(gap and lines.pop(0) == 'c2sp.org/tlog-proof@v1', 'not a log proof')
    if lines and lines[0].startswith('extra '):
        extra = lines.pop(0)[6:]
        need(extra == '' or b64(extra), 'extra data that is not base 64')
    need(lines and lines[0].startswith('index '), 'a proof without index')
    index = parse_count(lines.pop(0)[6:])
    need(len(lines) <= 63, 'a proof of more than 63 hashes')
    return index, [b64(line, 32) for line in lines], note

# --- Section 8: the checks, in their order

class Verifier:
    def __init__(self, pins):
        self.pins, self.checks, self.values = pins, [], {}

    def run(self, names):
        for name in names:
            state, detail = 'passed', ''
            try:
                self.values[name] = getattr(self, 'check_' + name.replace('-', '_'))()
            except Skip as skip:
                state, detail = 'skipped', str(skip)
            except Reject as reject:
                state, detail = 'failed', str(reject)
            self.checks.append({'id': name, 'state': state, 'detail': detail})

    def verify(self, data):
        self.data = data
        self.run(CHECKS[:1])
        if 'format' in self.values:
            self.bundle = self.values['format']
            self.run(CHECKS[1:4])
        if all(name in self.values for name in CHECKS[:4]):
            self.contract, self.record = self.values['contract'], self.values['statement']
            self.run(CHECKS[4:13])
            if 'inclusion' in self.values:
                self.note, self.index, (self.origin, self.size, self.root) = self.values['inclusion']
                self.run(CHECKS[13:])
        return {'verified': all(check['state'] != 'failed' for check in self.checks), 'checks': self.checks}

    def hub_key(self):
        return self.pins.get('hub_key') or b64(self.bundle['keys']['hub'])

    def log_key(self):
        return self.pins.get('log_key') or parse_vkey(self.bundle['keys']['log'])

    def check_format(self):
        value = parse(utf8(self.data), 500 * MIB)
        fits(BUNDLE, value)
        return value

    def check_contract(self):
        value = parse_canonical(self.bundle['contract'], 65536)
        fits(CONTRACT, value)
        return value

    def check_envelope(self):
        need(sealed_by(self.bundle['envelope'], self.hub_key()), "not signed by the hub's key")

    def check_statement(self):
        payload, record = opened(self.bundle['envelope'])
        fits(RECORD, record)
        subjects = [{'name': 'result', 'digest': record['result']['digest']}, *record['result']['artifacts']]
        need(payload == canonical({
            '_type': 'https://in-toto.io/Statement/v1', 'predicateType': 'urn:forge-pool:predicate:job-record:v1',
            'subject': [{'name': one['name'], 'digest': {'sha256': one['digest']}} for one in subjects],
            'predicate': record}), 'the statement is not the one of its record')
        return record

    def check_contract_hash(self):
        op = self.contract['op']
        need(hexsha(self.bundle['contract']) == self.record['contract_hash'], 'the contract has another hash')
        need(f"{op['name']}@{int(op['version'])}/{op['profile']}" == self.record['op'], 'the record names another op')
        need(canonical(self.contract['verify']) == canonical(self.record['verification']['asked']),
             'the record claims another verification than was asked for')

    def check_replay_key(self):
        record, contract, material = self.record, self.contract, self.bundle['replay_key_material']
        value = parse_canonical(material, 131072)
        need(hexsha(material) == record['replay_key'], 'the material has another digest')
        seed = contract['seed']
        if seed['mode'] == 'derived':
            of = {name: contract[name] for name in ('args', 'inputs', 'op')}
            seed = {'mode': 'derived', 'value': hexsha(canonical(of))}
        plan = value.get('plan') if type(value) is dict else None
        need(type(plan) is dict, 'there is no plan')
        need(material == canonical({
            'args': contract['args'], 'inputs': contract['inputs'], 'kernel': record['kernel'],
            'kernel_semantics': record['kernel_semantics'], 'op': contract['op'], 'plan': plan, 'replay_key': 1,
            'seed': seed, 'tables': record['tables']}), 'the material is not that of this contract')
        need(hexsha(canonical(plan)) == record['plan_digest'], 'the plan has another digest')
        planned, accepted = record['shards']['planned'], record['shards']['accepted']
        looks = plan.get('looks') if type(plan.get('looks')) is list else [planned]
        same = lambda one: type(one) is float and one == accepted
        need(type(plan.get('shard_count')) is float and plan['shard_count'] == planned, 'other shards are planned')
        need(accepted <= planned and any(map(same, looks)), 'the plan does not stop there')

    def check_plan(self):
        raise Skip('this verifier has no ops')

    def check_result(self):
        value = parse_canonical(self.bundle['result'], 64 * MIB)
        need(hexsha(self.bundle['result']) == self.record['result']['digest'], 'the result has another digest')
        stopping = value.get('stopping') if type(value) is dict else None
        shards = stopping.get('shards') if type(stopping) is dict else None
        need(type(shards) is not float or shards == self.record['shards']['accepted'], 'a result of other shards')

    def check_shards(self):
        if 'digests' not in self.bundle:
            raise Skip('the file has no digests')
        rows, left = [b64(one) for one in self.bundle['digests']], int(self.record['shards']['accepted'])
        for one in rows:
            need(left > 0 and len(one) == 32 * min(ROW, left), 'rows of another length')
            left -= len(one) // 32
        need(left == 0, 'digests are missing')
        packed = b''.join(rows)
        digests = [packed[at:at + 32] for at in range(0, len(packed), 32)]
        need(tree_root(digests).hex() == self.record['shards']['root'], 'the digests have another root')
        return digests

    def check_trace(self):
        need(hexsha(self.bundle['trace']) == self.record['trace'], 'the trace has another digest')
        trace = parse_canonical(self.bundle['trace'], 64 * MIB)
        fits(TRACE, trace)
        following, agents, owners = 0, set(), set()
        counts = {'methods': {'single': 0, 'quorum': 0, 'referee': 0, 'algebraic': 0}, 'copies': 0}
        for run in trace['runs']:
            need(run['first'] == following, 'a shard is covered twice or not at all')
            following += run['count']
            counts['methods'][run['method']] += run['count']
            counts['copies'] += run['count'] * len(run['copies'])
            for agent, owner, _ in run['copies']:
                need((agent == -1) == (owner == -1), 'half an owner')
                need(agent < len(trace['agents']), 'an agent without a name')
                if agent != -1:
                    agents.add(agent)
                    owners.add(owner)
        need(following == self.record['shards']['accepted'], 'other shards were accepted')
        need(len(agents) == len(trace['agents']) == len(set(trace['agents'])), 'an agent has no copy or two names')
        counts |= {'keys': len(agents), 'owners': len(owners), 'asked': self.record['verification']['asked']}
        said = {name: value for name, value in self.record['verification'].items() if name not in ('canaries', 'bound')}
        need(canonical(counts) == canonical(said), 'the record counts otherwise')
        self.check_bound()
        return trace

    def check_bound(self):
        counts, accepted = self.record['verification'], self.record['shards']['accepted']
        if 'bound' not in counts:
            return
        said, methods, mode = counts['bound'], counts['methods'], counts['asked']['mode']
        need(said['audits_bad'] <= said['audits'], 'more audits were bad than there were')
        limit = at_most(int(said['audits_bad']), int(said['audits'])) if said['audits'] else None
        wrong = said['doubt_agreed']
        if mode == 'full':
            wrong = wrong if limit is None else methods['quorum'] * limit
        elif methods['single'] > 0:
            wrong = None if limit is None else methods['single'] * limit + wrong
        follows = {'copies_per_shard': counts['copies'] / accepted,
                   'modelled_error': min(1.0, (said['doubt_single'] + said['doubt_agreed']) / accepted)}
        if wrong is not None:
            follows['wrong_fraction'] = min(1.0, wrong / accepted)
        for name in ('copies_per_shard', 'modelled_error', 'wrong_fraction'):
            a, b = said.get(name), follows.get(name)
            need(a == b or None not in (a, b) and abs(a - b) <= 1e-6 * max(a, b), f'its {name} does not follow')

    def check_receipts(self):
        given, record, digests = self.bundle['receipts'], self.record, self.values.get('shards')
        versions = [2 if '"receipt":2,' in one['receipt'] else 1 for one in given]
        texts = [f"forge/receipt/{version}\n{one['receipt']}".encode() for version, one in zip(versions, given)]
        root = tree_root(signed + b64(one['key']) + b64(one['signature']) for signed, one in zip(texts, given))
        need(len(given) == record['receipts']['count'] and root.hex() == record['receipts']['root'], 'other receipts')
        spans, leases = {}, set()
        hubs = [hexsha(self.hub_key()), *record['receipts'].get('lease_hubs', [])]
        for version, signed, one in zip(versions, texts, given):
            value = parse_canonical(one['receipt'], 65536)
            fits(RECEIPT[version], value)
            first, end, key = int(value['first']), int(value['first'] + value['count']), b64(one['key'])
            need(value['contract_hash'] == record['contract_hash'], 'a receipt of another contract')
            need(value['plan_digest'] == record['plan_digest'], 'a receipt of another plan')
            need(end <= record['shards']['accepted'], 'a receipt for shards that do not exist')
            need(signed_by(key, signed, b64(one['signature'])), 'a receipt that its key has not signed')
            lease = {**{name: value[name] for name in RANGE}, 'lease': 1, 'job_id': record['job_id'], 'agent': hexsha(key)}
            need(version == 1 or value['lease'] in (
                hexsha('forge/lease/1\n' + canonical({**lease, 'hub': hub})) for hub in hubs), 'a receipt of another lease')
            need((value['epoch'], value['lease_id']) not in leases, 'two receipts for one lease')
            leases.add((value['epoch'], value['lease_id']))
            own, following = digests and digests[first:end], first
            mine = spans.setdefault((hexsha(key), value['executor']), [])
            for shard, digest in one.get('differs', []):
                need(following <= shard < end, 'differs outside the lease or out of order')
                mine.append((following, int(shard)))
                following = int(shard) + 1
                if own:
                    own[int(shard) - first] = bytes.fromhex(digest)
            mine.append((following, end))
            need(not own or tree_root(own).hex() == value['result_root'], 'a receipt of other results')
        return {name: join(mine) for name, mine in spans.items()}

    def check_verification(self):
        if 'trace' not in self.values or 'receipts' not in self.values:
            raise Skip('the trace or the receipts were rejected')
        trace, spans, asked = self.values['trace'], self.values['receipts'], self.record['verification']['asked']
        for run in trace['runs']:
            first, end, method = run['first'], run['first'] + run['count'], run['method']
            agents = [copy for copy in run['copies'] if copy[0] != -1]
            for agent, _, executor in agents:
                mine = spans.get((trace['agents'][int(agent)], executor), [])
                at = bisect.bisect_right(mine, (first, math.inf)) - 1
                need(at >= 0 and mine[at][1] >= end, 'a copy without its receipt')
            voices = min(len({copy[0] for copy in agents}), len({copy[1] for copy in agents}))
            need((len(agents) < len(run['copies'])) == (method == 'referee'), 'the referee closed it or did not')
            need(method != 'quorum' or voices >= 2, 'a quorum of fewer than two')
            need(asked['mode'] != 'quorum' or method == 'referee' or method == 'quorum' and voices >= asked['k'],
                 'fewer owners than were asked for')
            need(asked['mode'] != 'full' or method in ('referee', 'quorum'), 'one word where agreement was asked for')
            need(asked['mode'] != 'algebraic' or method in ('referee', 'algebraic'), 'no algebraic check')

    def check_inclusion(self):
        index, hashes, text_of_note = parse_proof(self.bundle['log']['proof'])
        note = parse_note(text_of_note)
        origin, size, root = parse_checkpoint(note[0])
        envelope = hexsha(canonical(self.bundle['envelope']))
        leaf = canonical({'leaf': 1, 'kind': 'record', 'envelope': envelope}).encode()
        need(included(leaf_hash(leaf), index, size, hashes, root), 'the proof leads to another root')
        return note, index, (origin, size, root)

    def check_checkpoint(self):
        name, typed = self.log_key()
        need(typed[0] == 1 and name == self.origin, 'the key is not that of this log')
        need(note_state(self.note, (name, typed)) == 'valid', 'the log has not signed')

    def check_consistency(self):
        if self.pins.get('checkpoint') is None:
            raise Skip('no earlier checkpoint was given')
        note = parse_note(self.pins['checkpoint'])
        origin, size, root = parse_checkpoint(note[0])
        need(origin == self.origin, 'a checkpoint of another log')
        need(note_state(note, self.log_key()) == 'valid', 'the log has not signed the earlier checkpoint')
        need(size <= self.size, 'the log has become shorter')
        offered, hashes = self.bundle['log'].get('consistency'), []
        if 0 < size < self.size:
            need(offered is not None and offered['old'] == size, 'the file has no proof from that size')
            hashes = [b64(one, 32) for one in offered['hashes']]
        need(consistent(size, self.size, root, self.root, hashes), 'the log has changed its past')

    def check_witnesses(self):
        keys = self.pins.get('witnesses') or [parse_vkey(one) for one in self.bundle['keys']['witnesses']]
        need(len({typed for _, typed in keys}) == len(keys), 'a witness stands twice')
        need(all(typed[0] == 4 for _, typed in keys), 'a key that is not one of a witness')
        states = [note_state(self.note, key) for key in keys]
        need('invalid' not in states, 'a cosignature is wrong')
        need(states.count('valid') >= self.pins.get('needed', 0), 'too few witnesses have cosigned')
        if not keys:
            raise Skip('this ledger names no witnesses')

    def check_corrections(self):
        if 'corrections' not in self.bundle:
            raise Skip('the file names none')
        record, digests = self.record, self.values.get('shards')
        for one in self.bundle['corrections']:
            need(sealed_by(one['envelope'], b64(one['key'])), 'a correction that its key has not signed')
            payload, correction = opened(one['envelope'])
            fits(CORRECTION, correction)
            of = correction['record']
            need(payload == canonical({
                '_type': 'https://in-toto.io/Statement/v1', 'predicateType': 'urn:forge-pool:predicate:correction:v1',
                'subject': [{'name': 'record', 'digest': {'sha256': of['envelope']}}], 'predicate': correction}),
                'the statement is not the one of its correction')
            need(of == {'index': self.index, 'envelope': hexsha(canonical(self.bundle['envelope'])),
                        'job_id': record['job_id']} and correction['kernel'] == record['kernel'], 'of another record')
            following = 0
            for shard, recorded, executed in correction['wrong']:
                need(following <= shard < record['shards']['accepted'], 'no such shard, or out of order')
                need(recorded != executed, 'a shard that is right')
                need(not digests or digests[int(shard)].hex() == recorded, 'another digest than the record has')
                following = shard + 1
            need(correction['checked'] >= len(correction['wrong']), 'more shards than were executed')
            digest = hexsha(canonical(one['envelope']))
            leaf = canonical({'leaf': 1, 'kind': 'correction', 'of': self.index, 'envelope': digest}).encode()
            proof = [b64(step) for step in one['hashes']]
            need(one['index'] > self.index and included(leaf_hash(leaf), int(one['index']), self.size, proof, self.root),
                 'a correction that is not in the ledger')
        raise Reject('the hub found shards of it wrong')

def join(spans):
    """Spans of shards without gaps between them as one."""
    joined = []
    for first, end in sorted(one for one in spans if one[0] < one[1]):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return joined

def verify(data, pins):
    """The report on a file's bytes. `pins`: hub_key (bytes), log_key and witnesses (parsed vkeys), needed, checkpoint."""
    return Verifier(pins).verify(data)

def read_file(path):
    with open(path, 'rb') as file:
        return file.read()

def read_pins(arguments, read=read_file):
    """Arguments to (pins, options). Ends the process with 2 for what is no such usage."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--json', action='store_true', help='print the report as JSON')
    parser.add_argument('--hub-key', metavar='BASE64', type=lambda text: b64(text, 32))
    parser.add_argument('--log-key', metavar='VKEY', type=parse_vkey)
    parser.add_argument('--witness', metavar='VKEY', type=parse_vkey, action='append', default=[])
    parser.add_argument('--witnesses-needed', metavar='N', type=parse_count, help='default: all that are named')
    parser.add_argument('--checkpoint', metavar='FILE', type=lambda path: read(path).decode('utf-8', 'replace'))
    parser.add_argument('file', metavar='FILE')
    options = parser.parse_args(arguments)
    needed = len(options.witness) if options.witnesses_needed is None else options.witnesses_needed
    return {'hub_key': options.hub_key, 'log_key': options.log_key, 'witnesses': options.witness, 'needed': needed,
            'checkpoint': options.checkpoint}, options

def main():
    try:
        pins, options = read_pins(sys.argv[1:])
        report = verify(read_file(options.file), pins)
    except OSError as error:
        print(error, file=sys.stderr)
        return 3
    if options.json:
        print(json.dumps(report))
    else:
        marks = {'passed': '\u2713', 'failed': '\u2717', 'skipped': '-'}
        for check in report['checks']:
            print(f"{marks[check['state']]} {check['id']} {check['detail']}".rstrip())
        print('verified' if report['verified'] else 'REJECTED')
    return 0 if report['verified'] else 1

if __name__ == '__main__':
    sys.exit(main())
