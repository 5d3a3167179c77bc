export interface OwnerRow {
  readonly id: string
  readonly kind: 'account' | 'guest' | 'network' | 'house'
  /** Display name, network prefix or `house`. */
  readonly label: string
}

export interface OwnerStore {
  /** Finds or creates the owner of a network: `203.0.113.0/24`, `2001:db8:1::/48`. */
  network(prefix: string): Promise<OwnerRow>
  /** Finds or creates the house. */
  house(): Promise<OwnerRow>
  get(id: string): Promise<OwnerRow | undefined>
  ofUser(userId: string): Promise<OwnerRow | undefined>
  /** The owner of somebody who signs in; one for each user, however often it is asked for. */
  addPerson(person: {
    readonly userId: string
    readonly kind: 'account' | 'guest'
    readonly label: string
  }): Promise<OwnerRow>
  rename(userId: string, label: string): Promise<void>
}
