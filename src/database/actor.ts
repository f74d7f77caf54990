/** How far an actor reaches: the whole organization, or the groups that a member of staff facilitates at this instant. */
export type Reach = 'organization' | 'assigned'

/** For whom something is read or written. Every statement is limited to the organization and the reach. */
export interface Actor {
  organization_id: string
  /** null: the service itself, or a command. */
  api_key_id: string | null
  /** The member of staff whose reach it is; null: the organization's own key. */
  staff_id: string | null
  reach: Reach
  request_id: string
}

/** The service itself, at work for one organization: extending series, running commands. */
export const serviceActor = (organization_id: string, request_id: string): Actor => ({
  organization_id,
  api_key_id: null,
  staff_id: null,
  reach: 'organization',
  request_id
})
