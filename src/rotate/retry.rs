use std::time::Duration;

/// Where chance comes from: a number below `limit`.
pub type Chance<'a> = &'a mut dyn FnMut(u64) -> u64;

/// Exponential delays with full jitter: a random time between nothing and a limit that doubles, so that many that failed
/// together don't come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first limit.
    pub first: Duration,
    /// The limit that is never exceeded.
    pub most: Duration,
    /// Attempts before it is given up.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { first: Duration::from_secs(5), most: Duration::from_secs(3600), attempts: 8 }
    }
}

impl Backoff {
    /// How long to wait after `attempts` failures; `None` when it is to be given up. What the other side asks for
    /// (`Retry-After`) is the least, within the limit.
    #[must_use]
    pub fn delay(&self, attempts: u32, asked: Option<Duration>, chance: Chance<'_>) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        let limit = u64::try_from(doubled.min(self.most).as_millis()).unwrap_or(u64::MAX);
        let jittered = Duration::from_millis(chance(limit.saturating_add(1)));
        Some(jittered.max(asked.unwrap_or_default()).min(self.most))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn limits_double_up_to_the_most_and_end() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(10), attempts: 7 };
        let longest = |attempts| backoff.delay(attempts, None, &mut |limit| limit - 1);
        let seconds: Vec<_> = (1..8).map(|n| longest(n).map(|delay| delay.as_secs())).collect();
        assert_eq!(seconds, [Some(1), Some(2), Some(4), Some(8), Some(10), Some(10), None]);
        assert_eq!(backoff.delay(1, None, &mut |_| 0), Some(Duration::ZERO));
        assert_eq!(backoff.delay(1, Some(Duration::from_secs(3)), &mut |_| 0), Some(Duration::from_secs(3)));
        assert_eq!(backoff.delay(1, Some(Duration::from_secs(99)), &mut |_| 0), Some(Duration::from_secs(10)));
    }
}
