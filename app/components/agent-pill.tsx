'use client'

import Link from 'next/link'
import { useAgent } from '../data/agent.ts'
import { AGENT_STATE_TEXT } from './contribute/agent-panels.tsx'
import { Badge } from './ui/badge.tsx'

/** While this tab's agent is active, every page says so: nobody should compute without knowing. */
export function AgentPill() {
  const { status } = useAgent()
  if (status === undefined || status.state === 'idle') return null
  const { label, tone } = AGENT_STATE_TEXT[status.state]
  return (
    <Link href="/contribute" aria-label={`This tab’s agent: ${label}`}>
      <Badge tone={tone}>
        <span aria-hidden className="size-2 rounded-full bg-current" />
        {label}
      </Badge>
    </Link>
  )
}
