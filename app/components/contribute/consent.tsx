import { Ban, Cpu, Gauge, Power } from 'lucide-react'

const TERMS = [
  {
    icon: Cpu,
    title: 'What runs',
    text: 'Only the ops this site publishes: integer arithmetic on your GPU or CPU, inside the browser’s sandbox, in a background worker of this tab. Before the first shard the device is probed; one that computes wrongly is not used.',
  },
  {
    icon: Gauge,
    title: 'What it uses',
    text: 'Compute time up to the intensity you set, some memory, electricity, and a network connection to this site for contracts, operands and results. Your network address is visible to the hub and names you as an owner.',
  },
  {
    icon: Ban,
    title: 'What it never does',
    text: 'It reads no files, no other tabs, no camera, no location. It runs no code that other users upload, and mines no coins. Nothing runs before you press the button.',
  },
  {
    icon: Power,
    title: 'How to stop',
    text: 'Press Stop or Pause, or close the tab. It ends within one dispatch, at most 50 milliseconds of planned work. Unfinished shards go to somebody else.',
  },
] as const

/** What a contributor agrees to, in plain words. */
export function Consent() {
  return (
    <dl className="grid gap-x-8 gap-y-6 sm:grid-cols-2">
      {TERMS.map(({ icon: Icon, title, text }) => (
        <div key={title}>
          <dt className="flex items-center gap-2 text-sm font-semibold">
            <Icon aria-hidden className="size-4 text-accent" />
            {title}
          </dt>
          <dd className="mt-1.5 text-sm leading-6 text-muted">{text}</dd>
        </div>
      ))}
    </dl>
  )
}
