import { Button } from './ui/button.tsx'
import { Callout } from './ui/callout.tsx'
import { CopyButton } from './ui/copy-button.tsx'

/** A secret of which the server keeps the hash only: it stands here until its owner has put it away. */
export function SecretOnce({
  title,
  secret,
  what,
  usage,
  onDone,
}: {
  readonly title: string
  readonly secret: string
  /** `API key`, `node token`. */
  readonly what: string
  /** A command that uses it, with the secret itself in it. */
  readonly usage: string
  readonly onDone: () => void
}) {
  return (
    <Callout tone="ok" role="status" title={title}>
      <p>Keep it now: this page cannot show it again.</p>
      <p className="mt-2 flex items-center gap-1">
        <code className="num min-w-0 text-sm break-all text-ink">{secret}</code>
        <CopyButton text={secret} what={what} />
      </p>
      <p className="mt-3 text-xs">Use it so:</p>
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        aria-label={`Command with the ${what}`}
        className="mt-1 overflow-x-auto rounded-sm border border-line bg-panel p-2"
      >
        <pre className="text-xs leading-5">{usage}</pre>
      </section>
      <p className="mt-3 flex flex-wrap gap-2">
        <CopyButton text={usage} what="command" label="Copy the command" />
        <Button size="small" onClick={onDone}>
          I have kept it
        </Button>
      </p>
    </Callout>
  )
}
