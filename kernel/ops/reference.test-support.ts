import type { JsonObject } from '../canonical.ts'
import type { InputBytes, OpSpec, ShardContext } from './op.ts'

/** Everything that determines the leaves of a job. */
export interface ReferenceRun<A, C extends JsonObject> extends ShardContext<A, C> {
  readonly inputs: InputBytes
}

/** One shard's leaf by an op's formula in plain TypeScript. */
export type Reference<A, C extends JsonObject> = (run: ReferenceRun<A, C>, shard: number) => Uint8Array

/** An op's reference without the op's own types, as references.test-support.ts finds it. The spec only gives the types. */
export function referenceFor<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  _spec: OpSpec<A, C, G, R>,
  reference: Reference<A, C>,
): Reference<JsonObject, JsonObject> {
  return reference as unknown as Reference<JsonObject, JsonObject>
}
