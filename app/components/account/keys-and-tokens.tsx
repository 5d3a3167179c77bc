'use client'

import { useOrigin } from '../../data/origin.ts'
import { TokensPanel } from './tokens-panel.tsx'

export function KeysAndTokens() {
  const origin = useOrigin()
  return (
    <div className="grid items-start gap-6 lg:grid-cols-2">
      <TokensPanel
        kind="keys"
        id="api-keys"
        title="API keys"
        what="API key"
        lead="For programs that submit contracts and read results over REST. A key can do what you can do with jobs and credits; it cannot manage the account."
        nameHelp="For example the program that will use it."
        usage={(key) =>
          `curl ${origin}/api/v0/ops/execute \\\n  -H 'authorization: Bearer ${key}' \\\n  -H 'content-type: application/json' \\\n  -d @contract.json`
        }
        afterRevoking="Programs that use this key are refused from now on; their jobs stay."
      />
      <TokensPanel
        kind="nodeTokens"
        id="node-tokens"
        title="Node tokens"
        what="node token"
        lead="For headless agents on machines of yours: what they compute earns credits for this account. A token can do nothing else."
        nameHelp="For example the machine that it is for."
        usage={(token) => `npx forge agent --hub ${origin} --token ${token}`}
        afterRevoking="Agents that use this token are disconnected at once; unfinished shards go to somebody else."
      />
    </div>
  )
}
