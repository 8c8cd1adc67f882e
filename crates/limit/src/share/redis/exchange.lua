-- One exchange of one instance over one quota. The rules are those of `shelf.rs`; a test holds the two against
-- each other.
--
-- KEYS: 1 what is known of the quota (hash), 2 its instances (sorted by until when they count),
--       3 slots by instance (hash), 4 the same by until when they are held, 5.. buckets of each rate (hash), by its
--       name and how long one is.
-- ARGV: channel, name of the quota, instance, rest, 1 if it was woken instead, how long ago that was said, heard, 1 if
--       the instance leaves, rates, then of each rate: limit, width, buckets, offset, want, held, advance, alone, need,
--       told, age of what is missing of that, how long that is believed or 0, returns, and of each return: at, amount;
--       debts, and of each debt: age, amount; then 1 and limit, used,
--       want, advance, lapse of slots, or 0; then requests that wait, and what each needs of each rate.
-- Answer: memory, instances, rest, slots, of each rate: amount, at, left, how long until one fits, and until the need;
--       of each request: 0 if it is admitted, the number of the rate that it does not fit into, or one more than rates
--       if it is the slots; and for how long.
-- All times are in microseconds.

local arg = 0
local function word()
  arg = arg + 1
  return ARGV[arg]
end
local function number()
  return tonumber(word())
end
-- Lua would write large numbers with an exponent.
local function whole(value)
  return string.format('%.0f', value)
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local SECOND = 1000000
local FORGOTTEN = 3 * SECOND
local ANEW = SECOND / 10
local LEASE = SECOND
local DAY = 86400 * SECOND
-- No instance is called so.
local TOTAL, NOBODY = '', ''

local quota, members, slots, lapses = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local channel, name = word(), word()
local instance, rest, woken, said, heard, leaves = word(), number(), number(), number(), number(), number()

local known = redis.call('HMGET', quota, 'memory', 'heard')
local memory = known[1]
if memory and heard > tonumber(known[2] or 0) + LEASE then
  -- Of what was granted since then it knows nothing: all who live tell it.
  memory = nil
  for rate = 5, #KEYS do
    redis.call('DEL', KEYS[rate])
    redis.call('HDEL', quota, 'said:' .. KEYS[rate])
  end
end
if not memory then
  memory = whole(now)
  redis.call('HSET', quota, 'memory', memory)
end

redis.call('ZREMRANGEBYSCORE', members, '-inf', whole(now))
redis.call('ZADD', members, whole(now + FORGOTTEN), instance)
-- A clock that has gone back has forgotten nothing.
redis.call('HSET', quota, 'heard', whole(math.max(now, heard, tonumber(known[2] or 0))))
local instances = redis.call('ZCARD', members)

local answer = { tonumber(memory), instances, 0, 0 }
local longest = 120 * SECOND

-- A user that may not publish shares all the same: the others learn of it with their next exchange.
local function publish(news)
  redis.pcall('PUBLISH', channel, news .. ' ' .. name)
end

local rates = {}
for rate = 1, number() do
  local limit, width, buckets, offset = number(), number(), number(), number()
  local want, held, ahead, alone, need = number(), number(), number(), number(), number()
  local told, age, lasts = number(), number(), number()
  local key = KEYS[4 + rate]
  local function bucket(at)
    return math.floor(math.max(at - offset, 0) / width)
  end
  local newest = bucket(now)

  -- The clock may have gone back. What was counted later than now leaves when it comes to it, and what was later by
  -- more than a window as if it were used now.
  local counts, used, last, later = {}, 0, newest, 0
  local stored = redis.call('HGETALL', key)
  for at = 1, #stored, 2 do
    local name, count = tonumber(stored[at]), tonumber(stored[at + 1])
    if name and count and name + buckets > newest and name <= newest + buckets then
      counts[name] = count
      used = used + count
      last = math.max(last, name)
    else
      if name and count and name > newest then
        later = later + count
      end
      redis.call('HDEL', key, stored[at])
    end
  end
  local function count(name, amount)
    counts[name] = (counts[name] or 0) + amount
    used = used + amount
    redis.call('HSET', key, whole(name), whole(counts[name]))
  end
  if later > 0 then
    count(newest, later)
  end
  -- What a provider has said is used beyond that, where the window lets go of nothing before it is over.
  local said, said_until, said_key, until_key = 0, 0, 'said:' .. key, 'said_until:' .. key
  if buckets == 1 then
    local stored = redis.call('HMGET', quota, said_key, until_key)
    said, said_until = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
    if now >= said_until then
      said = 0
    end
    used = used + said
  end

  for _ = 1, number() do
    local name, amount = bucket(number()), number()
    if counts[name] then
      count(name, -math.min(amount, counts[name]))
    end
  end
  for _ = 1, number() do
    local name, amount = bucket(now - number()), number()
    if name + buckets > newest then
      count(name, amount)
    end
  end
  local missed = bucket(now - age)
  local told_until = (missed + buckets) * width + offset
  if lasts > 0 then
    told_until = math.min(told_until, now + lasts)
  end
  if told > used and told_until > now then
    if lasts > 0 then
      said, said_until, used = said + told - used, told_until, told
      redis.call('HSET', quota, said_key, whole(said), until_key, whole(said_until))
    else
      count(missed, told - used)
    end
  end
  local emptied = 'emptied:' .. key
  if told > 0 and told >= limit and told_until > now
    and now >= tonumber(redis.call('HGET', quota, emptied) or 0) + ANEW then
    redis.call('HSET', quota, emptied, whole(now))
    publish('empty ' .. string.match(key, '([^:]*):[^:]*$') .. ' ' .. whole(told_until - now))
  end

  local left = math.max(limit - used, 0)
  local most = instances > 1 and math.ceil(left / 2) or left
  local awaited = 'awaited:' .. key
  local amount
  if alone > 0 then
    redis.call('HSET', quota, awaited, whole(now + 2 * LEASE))
    amount = used == 0 and alone or 0
  elseif now < tonumber(redis.call('HGET', quota, awaited) or 0) then
    amount = math.min(want, most)
  else
    local advance = math.floor(left / (2 * instances))
    if advance == 0 and left >= instances then
      advance = 1
    end
    amount = math.min(math.max(want, math.min(advance, ahead) - held), most)
  end
  if amount > 0 then
    count(newest, amount)
  end
  answer[#answer + 1] = amount
  answer[#answer + 1] = now
  answer[#answer + 1] = math.max(left - amount, 0)
  local first = #answer - 2
  -- What is decided comes before.
  answer[#answer + 1] = 0
  answer[#answer + 1] = 0

  -- How long until so much more fits, if it does not.
  local function until_fits(need)
    local missing = used + need - limit
    if missing <= 0 or (need > limit and used == 0 and limit > 0) then
      return nil
    end
    local gone, leaves = 0, 0
    for name = newest - buckets + 1, last do
      if (counts[name] or 0) > 0 then
        gone = gone + counts[name]
        leaves = (name + buckets) * width + offset
        if gone >= missing then
          break
        end
      end
    end
    -- It is over before the window is.
    if said > 0 and (said >= missing or gone == 0) then
      leaves = said_until
    end
    return math.max(leaves - now, 0)
  end
  rates[rate] = {
    until_fits = until_fits,
    need = math.max(need, 1),
    first = first,
    count = function(need)
      count(newest, need)
    end,
  }

  local lasts = math.min(2 * width * buckets, 2 * DAY)
  redis.call('PEXPIRE', key, whole(math.ceil(lasts / 1000)))
  longest = math.max(longest, lasts)
end

local is_full, take, hold
if number() == 1 then
  local limit, used, want, advance, lapse = number(), number(), number(), number(), number()
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', lapses, '-inf', whole(now))) do
    redis.call('HINCRBY', slots, TOTAL, whole(0 - tonumber(redis.call('HGET', slots, gone) or 0)))
    redis.call('HDEL', slots, gone)
    redis.call('ZREM', lapses, gone)
  end
  local mine = tonumber(redis.call('HGET', slots, instance) or 0)
  local others = tonumber(redis.call('HGET', slots, TOTAL) or 0) - mine
  local free = math.max(limit - others, 0)
  local waits = redis.call('HMGET', quota, 'waiter', 'waits')
  local waiter = tonumber(waits[2] or 0) > now and waits[1]
  local theirs
  if waiter and waiter ~= instance then
    -- One is left to it, as soon as it is not in use any more, and none is held in advance.
    theirs = waiter == NOBODY and math.huge or tonumber(redis.call('HGET', slots, waiter) or 0)
    if theirs == 0 or used > theirs + 1 then
      free = math.max(free - 1, 0)
    end
    advance = 0
  end
  local given = math.min(want + advance, free)
  local waits_now
  if given < want then
    waits_now = (not theirs or given < theirs) and instance
  elseif waiter and not theirs and given > used then
    -- It may want more in a moment.
    waits_now = NOBODY
  end
  if waits_now then
    redis.call('HSET', quota, 'waiter', waits_now, 'waits', whole(now + 2 * LEASE))
  end
  answer[4] = given
  local holds = math.max(given, used)
  is_full = function()
    return others + holds >= limit
  end
  take = function()
    holds = holds + 1
    answer[4] = answer[4] + 1
  end
  hold = function()
    redis.call('HSET', slots, instance, whole(holds))
    redis.call('HINCRBY', slots, TOTAL, whole(holds - mine))
    redis.call('ZADD', lapses, whole(now + lapse), instance)
    redis.call('PEXPIRE', slots, whole(math.ceil(2 * lapse / 1000)))
    redis.call('PEXPIRE', lapses, whole(math.ceil(2 * lapse / 1000)))
    longest = math.max(longest, 2 * lapse)
  end
end

for _ = 1, number() do
  local needs, which, wait = {}, 0, 0
  for rate = 1, #rates do
    needs[rate] = number()
    local left = rates[rate].until_fits(needs[rate])
    if left and left >= wait then
      which, wait = rate, left
    end
  end
  if is_full and is_full() then
    which, wait = #rates + 1, 0
  end
  if which == 0 then
    for rate = 1, #rates do
      rates[rate].count(needs[rate])
      local left = rates[rate].first + 2
      answer[left] = math.max(answer[left] - needs[rate], 0)
    end
    if take then
      take()
    end
  end
  answer[#answer + 1] = which
  answer[#answer + 1] = wait
end
if hold then
  hold()
end

if leaves == 1 then
  redis.call('ZREM', members, instance)
  if redis.call('HGET', quota, 'waiter') == instance then
    redis.call('HDEL', quota, 'waiter', 'waits')
  end
end
for _, rate in ipairs(rates) do
  answer[rate.first + 3] = rate.until_fits(1) or 0
  answer[rate.first + 4] = rate.until_fits(rate.need) or 0
end

local rests = tonumber(redis.call('HGET', quota, 'rests') or 0)
if woken == 1 or rest > 0 then
  local rested = tonumber(redis.call('HGET', quota, 'rested') or 0)
  local awake = tonumber(redis.call('HGET', quota, 'woken') or 0)
  local at = now - said
  local before = rests
  if woken == 1 then
    redis.call('HSET', quota, 'woken', whole(math.max(awake, at)))
    if rests > now and rested < at then
      rests = 0
    end
  elseif at >= awake then
    redis.call('HSET', quota, 'rested', whole(math.max(rested, at)))
    rests = math.max(rests, now + rest)
  end
  if rests ~= before then
    redis.call('HSET', quota, 'rests', whole(rests))
    publish(whole(math.max(rests - now, 0)))
  end
end
answer[3] = math.max(rests - now, 0)
longest = math.max(longest, answer[3])

redis.call('PEXPIRE', members, whole(math.ceil(2 * FORGOTTEN / 1000)))
redis.call('PEXPIRE', quota, whole(math.ceil(longest / 1000)))
return answer
