/** Somebody who signs in. */
export interface UserRow {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly emailVerified: boolean
  readonly isGuest: boolean
  readonly createdAt: Date
}

export interface SessionRow {
  readonly id: string
  readonly createdAt: Date
  /** When it was last prolonged. */
  readonly updatedAt: Date
  readonly address: string | null
  readonly userAgent: string | null
}

export interface UserStore {
  get(id: string): Promise<UserRow | undefined>
  /** Those that have not ended, the newest first. */
  sessions(userId: string): Promise<readonly SessionRow[]>
  /** @returns false when the user has no such session */
  endSession(userId: string, id: string): Promise<boolean>
  /** @returns how many there were */
  endSessions(userId: string): Promise<number>
  /**
   * Removes the user with sessions, password and passkeys, revokes his tokens, forgets his uploads and the names of his
   * devices, and leaves an owner without a name. All of it or nothing.
   */
  erase(userId: string, ownerId: string): Promise<void>
}
