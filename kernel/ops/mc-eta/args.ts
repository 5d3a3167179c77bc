import { z } from 'zod'

/** Segments of a trip, at most. */
export const MAX_SEGMENTS = 16

const segment = z.strictObject({
  name: z.string().min(1).max(40).meta({ title: 'Name', description: 'How the segment is called.' }),
  minutes: z.number().min(0.01).max(10_000).meta({
    title: 'Base time',
    description: 'Mean travel time in good weather and without incidents.',
    unit: 'minutes',
  }),
  variation: z.number().min(0).max(2).default(0.15).meta({
    title: 'Traffic variation',
    description: 'Standard deviation of the travel time over its mean; 0.2 is 20 %. Times are lognormal.',
  }),
})

export const etaArgs = z.strictObject({
  segments: z.array(segment).min(1).max(MAX_SEGMENTS).meta({
    title: 'Segments',
    description: 'One to sixteen parts of the trip: name, base time and traffic variation.',
  }),
  deadline_minutes: z.number().min(0.01).max(1_000_000).meta({
    title: 'Deadline',
    description: 'Time after departure by which the trip should have ended.',
    unit: 'minutes',
  }),
  traffic_correlation: z.number().min(0).max(1).default(0.5).meta({
    title: 'Traffic correlation',
    description: 'How much the segments share the traffic of the day: 0 nothing, 1 all of it.',
  }),
  bad_weather_probability: z.number().min(0).max(1).default(0.1).meta({
    title: 'Probability of bad weather',
    description: 'Of the whole trip.',
  }),
  bad_weather_factor: z.number().min(1).max(5).default(1.25).meta({
    title: 'Bad-weather factor',
    description: 'By which bad weather lengthens every segment; 1.25 is a quarter longer.',
  }),
  incidents_per_hour: z.number().min(0).max(5).default(0.05).meta({
    title: 'Incidents',
    description:
      'Mean number of incidents in an hour of base time; the number is Poisson, at most five a trip in the mean.',
    unit: '1/hour',
  }),
  incident_delay_minutes: z.number().min(0).max(10_000).default(15).meta({
    title: 'Delay of an incident',
    description: 'Its mean; delays are exponential.',
    unit: 'minutes',
  }),
  trips: z.int().min(1000).max(1_073_741_824).meta({
    title: 'Trips',
    description: 'Simulated trips. Four times as many halve the standard error.',
    unit: 'trips',
  }),
})

export type EtaArgs = z.infer<typeof etaArgs>
