import { z } from 'zod'
import type { owners as StoredOwner } from '../../prisma/generated/client.ts'
import type { Database } from './database.ts'
import type { OwnerRow, OwnerStore } from './ports.ts'

const ownerKind = z.enum(['account', 'network', 'house'])

/** Owners and their tokens in PostgreSQL. */
export function createOwnerStore({ prisma }: Pick<Database, 'prisma'>): OwnerStore {
  const ensure = async (kind: OwnerRow['kind'], label: string): Promise<OwnerRow> => {
    const unique = { kind, label }
    // Nearly always there: look first, so that an enrolment writes nothing.
    const known = await prisma.owners.findUnique({ where: { kind_label: unique } })
    if (known !== null) return ownerRow(known)
    return ownerRow(await prisma.owners.upsert({ where: { kind_label: unique }, create: unique, update: {} }))
  }
  return {
    network: (prefix) => ensure('network', prefix),
    ensure,

    async addToken(ownerId, tokenHash) {
      await prisma.owner_tokens.createMany({
        data: { owner_id: ownerId, token_hash: tokenHash },
        skipDuplicates: true,
      })
    },

    async byToken(tokenHash) {
      const token = await prisma.owner_tokens.findUnique({
        where: { token_hash: tokenHash },
        include: { owner: true },
      })
      return token === null ? undefined : ownerRow(token.owner)
    },
  }
}

function ownerRow({ id, kind, label }: StoredOwner): OwnerRow {
  return { id, kind: ownerKind.parse(kind), label }
}
