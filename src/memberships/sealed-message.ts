import type { Caller } from '../access/caller.ts'
import type { Vault } from '../database/keyring.ts'
import type { MembershipRow } from './queries.ts'
import type { Membership } from './schemas.ts'

const context = (organization_id: string, membership_id: string) =>
  `${organization_id}|memberships|${membership_id}|message`

export const sealMessage = (
  { keyring }: Vault,
  organization_id: string,
  membership_id: string,
  message: string
): Buffer => keyring.seal(message, context(organization_id, membership_id))

/** A membership as the contract has it. */
export function membershipOf(
  { keyring, log }: Vault,
  organization_id: string,
  { message_sealed, place: _, ...membership }: MembershipRow
): Membership {
  if (message_sealed === null) return { ...membership, message: null }
  try {
    return { ...membership, message: keyring.open(message_sealed, context(organization_id, membership.id)).toString() }
  } catch {
    log.error({ membership_id: membership.id }, 'the message of a membership does not open')
    return { ...membership, message: null }
  }
}

/** A key that writes and does not read is not told what somebody said. */
export const told = ({ scopes }: Caller, membership: Membership): Membership =>
  scopes.has('memberships:read') ? membership : { ...membership, message: null }
