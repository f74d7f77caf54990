import type { Actor } from '../database/actor.ts'
import type { Role, Scope } from './roles.ts'

/** Who is asking, as far as the key tells. */
export interface Caller extends Actor {
  api_key_id: string
  role: Role
  /** What the key may do: its own scopes, as far as the role goes. */
  scopes: ReadonlySet<Scope>
  key_name: string
  key_expires_at: string | null
}
