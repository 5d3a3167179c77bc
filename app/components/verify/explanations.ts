import type { CheckId } from '../../../kernel/evidence/checklist.ts'

/** What each check means for somebody who has never read the specification. */
export const EXPLANATIONS: Readonly<Record<CheckId, string>> = {
  format: 'The file is complete, and there is only one way to read it.',
  contract: 'What was asked for is written in the one form that is hashed.',
  envelope: 'The hub that ran the job stands by its record with its signature.',
  statement: 'What was signed is a record of this very result.',
  'contract-hash': 'The record is about this contract and the verification that it asked for, and no other.',
  'replay-key':
    'Everything that determines the result is named: whoever executes it again gets the same bytes.',
  plan: 'The software in this page cuts the contract into the same shards.',
  result: 'Not one byte of the result was changed after it was recorded.',
  shards: 'Not one digest of a shard was changed, left out, or put in another place.',
  trace: 'For every shard it is told who executed it, and the totals are right.',
  receipts: 'Each agent has signed what it returned, and that is what is in this file.',
  verification: 'No shard was accepted on less than the contract demanded, and each copy has its receipt.',
  inclusion: 'The record is an entry of the ledger that this checkpoint stands for.',
  checkpoint: 'The ledger stands by its state with its signature.',
  consistency: 'The ledger still contains all that you saw in it before.',
  witnesses: 'Others, who remember the ledger, have confirmed that it did not change its past.',
  corrections:
    'A file without corrections says nothing either way. A file with one is withdrawn: the hub found shards of it wrong.',
}
