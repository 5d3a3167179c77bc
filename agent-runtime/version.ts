/** Name and version of the agent's software, as it stands in receipts. */
export const SOFTWARE = 'forge-agent/0.1.0'
