import { sha256, utf8ToBytes } from '../../../kernel/digest.ts'

/** The right digest of a simulated shard; its leaf is the digest itself. */
export const truth = (job: string, shard: number): Uint8Array => sha256(utf8ToBytes(`${job}:${shard}`))
