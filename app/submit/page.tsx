import type { Metadata } from 'next'
import { SubmitForm } from '../components/submit/submit-form.tsx'
import { Callout } from '../components/ui/callout.tsx'
import { serverApi } from '../data/server-api.ts'
import { OP_PAGES } from '../generated/op-pages.ts'

export const metadata: Metadata = { title: 'Submit a contract' }

interface Props {
  readonly searchParams: Promise<Record<string, string | string[] | undefined>>
}

export default async function Page({ searchParams }: Props) {
  const { from, op } = await searchParams
  const template =
    typeof from === 'string' ? await contractOf(from) : typeof op === 'string' ? exampleOf(op) : undefined
  return (
    <div>
      <h1 className="text-3xl font-semibold tracking-tight">Submit a contract</h1>
      <p className="mt-2 max-w-2xl text-muted">
        A contract says what is computed, from which seed, and how it is verified. Its plan and its price are
        pure functions of it, so you see both before you send it.
      </p>
      {template === null ? (
        <Callout tone="warn" title="The job to copy was not found" className="mt-4">
          The form starts from an example instead.
        </Callout>
      ) : null}
      <SubmitForm template={template ?? undefined} />
    </div>
  )
}

/** The contract of an op's documentation page, without the operands: their bytes are not on this server. */
function exampleOf(id: string) {
  const contract = OP_PAGES[id]?.contract
  return contract === undefined || contract.inputs === undefined ? contract : { ...contract, inputs: {} }
}

/** The contract of an earlier job; null when there is none. */
async function contractOf(id: string) {
  try {
    const api = await serverApi()
    return (await api.jobs.get.query({ id })).contract
  } catch {
    return null
  }
}
