import { invariant } from '../../kernel/errors.ts'
import type { OwnerRow, OwnerStore } from '../memory/ports/owners.ts'
import type { OwningActor } from './actor.ts'
import { networkPrefix } from './network-prefix.ts'

export interface OwnerService {
  /** The owner of somebody who signs in. Made with the user; made here when a crash came between. */
  ofPerson(person: {
    readonly userId: string
    readonly isGuest: boolean
    readonly name: string
  }): Promise<OwnerRow>
  /** The owner that an actor acts for. */
  ofActor(actor: OwningActor): Promise<OwnerRow>
  rename(userId: string, name: string): Promise<void>
  /** The owner of whoever speaks from this address without a name. */
  ofNetwork(remoteAddress: string): Promise<OwnerRow>
  house(): Promise<OwnerRow>
}

export function createOwnerService(store: OwnerStore): OwnerService {
  return {
    async ofPerson({ userId, isGuest, name }) {
      const known = await store.ofUser(userId)
      return known ?? store.addPerson({ userId, kind: isGuest ? 'guest' : 'account', label: name })
    },
    async ofActor({ ownerId }) {
      const owner = await store.get(ownerId)
      invariant(owner !== undefined, `owner ${ownerId} vanished`)
      return owner
    },
    rename: (userId, name) => store.rename(userId, name),
    ofNetwork: (remoteAddress) => store.network(networkPrefix(remoteAddress)),
    house: () => store.house(),
  }
}
