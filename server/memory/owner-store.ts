import { z } from 'zod'
import { invariant } from '../../kernel/errors.ts'
import type { owners as StoredOwner } from '../../prisma/generated/client.ts'
import type { Database } from './database.ts'
import type { OwnerRow, OwnerStore } from './ports/owners.ts'

const ownerKind = z.enum(['account', 'guest', 'network', 'house'])

/** Owners in PostgreSQL. */
export function createOwnerStore({ prisma }: Pick<Database, 'prisma'>): OwnerStore {
  const ensure = async (kind: 'network' | 'house', label: string): Promise<OwnerRow> => {
    const natural_key = `${kind}:${label}`
    // Nearly always there: look first, so that an enrolment writes nothing.
    const known = await prisma.owners.findUnique({ where: { natural_key } })
    if (known !== null) return ownerRow(known)
    const create = { kind, label, natural_key }
    return ownerRow(await prisma.owners.upsert({ where: { natural_key }, create, update: {} }))
  }
  return {
    network: (prefix) => ensure('network', prefix),
    house: () => ensure('house', 'house'),

    async get(id) {
      const known = await prisma.owners.findUnique({ where: { id } })
      return known === null ? undefined : ownerRow(known)
    },

    async ofUser(userId) {
      const known = await prisma.owners.findUnique({ where: { user_id: userId } })
      return known === null ? undefined : ownerRow(known)
    },

    async addPerson({ userId, kind, label }) {
      await prisma.owners.createMany({ data: { user_id: userId, kind, label }, skipDuplicates: true })
      const stored = await prisma.owners.findUnique({ where: { user_id: userId } })
      invariant(stored !== null, `the owner of user ${userId} vanished`)
      return ownerRow(stored)
    },

    async rename(userId, label) {
      await prisma.owners.updateMany({ where: { user_id: userId }, data: { label } })
    },
  }
}

export function ownerRow({ id, kind, label }: StoredOwner): OwnerRow {
  return { id, kind: ownerKind.parse(kind), label }
}
