/** Where a card can be used. `anywhere` stands for all the others. */
export const whereUsable = [
  'anywhere',
  'home',
  'work',
  'public_transport',
  'outdoors',
  'in_bed',
  'with_others'
] as const
export type WhereUsable = (typeof whereUsable)[number]

/** Who reads a card once it is published; `private`: only whoever wrote it down. */
export const strategyVisibilities = ['private', 'group', 'organization', 'public'] as const
export type StrategyVisibility = (typeof strategyVisibilities)[number]

/** `hidden`: something was reported, and nobody but moderators and the writer sees it until that is decided. */
export const strategyStatuses = ['draft', 'in_review', 'published', 'hidden', 'retired'] as const
export type StrategyStatus = (typeof strategyStatuses)[number]

/** By whom a card is: somebody on record, a name that says nothing, or nobody that anybody can tell. */
export const contributorKinds = ['person', 'nickname', 'anonymous'] as const
export type ContributorKind = (typeof contributorKinds)[number]

/** What a rule noticed: for the reviewer, never a refusal. */
export const strategyFlags = ['names_person', 'contact_details', 'gives_dose'] as const
export type StrategyFlag = (typeof strategyFlags)[number]

/** `tried`: tried, and nothing to say of it. */
export const feedbackOutcomes = ['tried', 'helped', 'did_not_help'] as const

export const reportReasons = ['harmful', 'identifies_somebody', 'spam'] as const
export type ReportReason = (typeof reportReasons)[number]

/** What a moderator or the writer decided. */
export const decisions = ['submit', 'publish', 'return', 'hide', 'retire'] as const
export type Decision = (typeof decisions)[number]

/** The categories that every organization begins with, in the order of the list. */
export const seededCategories = {
  breathing: 'Breathing',
  grounding: 'Grounding',
  body: 'Body and relaxation',
  movement: 'Movement',
  thinking: 'Working with thoughts',
  mindfulness: 'Mindfulness',
  connection: 'Connection',
  routine: 'Routine and rest',
  creativity: 'Creativity',
  self_compassion: 'Self-compassion',
  urges: 'Urges and cravings',
  sleep: 'Sleep',
  planning: 'Planning ahead'
} as const
export type CategoryKey = keyof typeof seededCategories
