export const facilitatorRoles = ['facilitator', 'co_facilitator'] as const
