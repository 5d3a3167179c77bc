/** What a check of a deployment looks at. */
export type FsckCheck = 'entries' | 'checkpoints' | 'tiles' | 'records' | 'money'

/** Takes what is wrong. @param subject what it is about, such as `entry 7` */
export type Found = (check: FsckCheck, subject: string, detail: string) => void
