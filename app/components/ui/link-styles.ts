/** A link inside text. */
export const linkStyles = 'text-ink underline decoration-accent decoration-2 underline-offset-4'
