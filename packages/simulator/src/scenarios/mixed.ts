import { DSL, FIBRE, MOBILE, type Scenario } from '../scenario.ts';
import { poisson } from './poisson.ts';

export const mixed: Scenario = {
  ...poisson,
  name: 'mixed',
  about: 'viewers on fibre, on DSL with little to give, and on mobile lines that lose packets',
  stay: { meanMinutes: 6, vanish: 0.2 },
  lines: [
    { weight: 3, line: FIBRE },
    { weight: 5, line: DSL },
    { weight: 2, line: MOBILE },
  ],
};
