import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesToHex, hexToBytes } from './digest.ts'
import { MerkleRoot, merkleRootOfDigests } from './merkle.ts'
import { property } from './numerics/property.test-support.ts'

function rootOf(leaves: readonly Uint8Array[]): string {
  const tree = new MerkleRoot()
  for (const leaf of leaves) tree.append(leaf)
  expect(tree.size).toBe(leaves.length)
  return bytesToHex(tree.root())
}

/** RFC 6962, section 2.1, as it is written there, with another SHA-256. */
function definition(leaves: readonly Uint8Array[]): Uint8Array {
  const hash = (...parts: Uint8Array[]): Uint8Array => {
    const sha256 = createHash('sha256')
    for (const part of parts) sha256.update(part)
    return sha256.digest()
  }
  const [first] = leaves
  if (first === undefined) return hash()
  if (leaves.length === 1) return hash(Uint8Array.of(0), first)
  let split = 1
  while (2 * split < leaves.length) split *= 2
  return hash(Uint8Array.of(1), definition(leaves.slice(0, split)), definition(leaves.slice(split)))
}

// The eight leaves and nine roots with which implementations of Certificate Transparency test themselves.
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
test.each([
  [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
  [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  [4, 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
  [5, '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
  [6, '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
  [7, 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
  [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
])('known answer for %i leaves', (count, expected) => {
  expect(rootOf(LEAVES.slice(0, count).map(hexToBytes))).toBe(expected)
})

test('the incremental root is the recursive definition', () => {
  property(
    'incremental Merkle root',
    [fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 70 })],
    (leaves) => {
      expect(rootOf(leaves)).toBe(bytesToHex(definition(leaves)))
    },
    200,
  )
})

test('asking for the root changes nothing', () => {
  const asked = new MerkleRoot()
  for (let i = 0; i < 33; i++) {
    asked.append(Uint8Array.of(i))
    asked.root()
  }
  expect(bytesToHex(asked.root())).toBe(rootOf(Array.from({ length: 33 }, (_, i) => Uint8Array.of(i))))
})

test('packed digests are leaves of 32 bytes; a part of a digest is a fault', () => {
  const packed = Uint8Array.from({ length: 32 * 5 }, (_, i) => i)
  const leaves = Array.from({ length: 5 }, (_, i) => packed.slice(32 * i, 32 * i + 32))
  expect(bytesToHex(merkleRootOfDigests(packed))).toBe(bytesToHex(definition(leaves)))
  expect(() => merkleRootOfDigests(packed.subarray(1))).toThrow('invariant')
})
