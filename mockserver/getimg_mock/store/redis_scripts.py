"""The scripts that Redis runs: each is atomic."""

from __future__ import annotations

from typing import Final

ACQUIRE: Final = """
local holder = redis.call('GET', KEYS[1])
local following = redis.call('GET', KEYS[3])
local is_ours = following == ARGV[1]
if holder ~= ARGV[1] and (holder or (following and not is_ours)) then
    if ARGV[3] == '1' and (is_ours or not following) then
        redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[4])
    end
    return {0}
end
if is_ours then redis.call('DEL', KEYS[3]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local found = redis.call('HMGET', KEYS[2], 'number', 'version', 'epoch')
return {1, found[1], found[2], found[3]}
"""
"""Locks a workspace for the token ARGV[1], and returns 1 and its version, or 0.

With ARGV[3], one that waits is the next: until it has its turn, or is silent for ARGV[4]
milliseconds, what has just released the workspace cannot lock it again.
"""

RELEASE: Final = """
for at = 3, #ARGV do
    local lock = ARGV[1] .. 'lock:' .. ARGV[at]
    if redis.call('GET', lock) == ARGV[2] then redis.call('DEL', lock) end
end
"""
"""Releases the locks of the workspaces ARGV[3...] that the token ARGV[2] still has."""

COMMIT: Final = """
local at = 0
local function take() at = at + 1; return ARGV[at] end
local prefix, token, expire = take(), take(), tonumber(take())
local function key(...) return prefix .. table.concat({...}, ':') end
local rows = {'generations', 'order', 'pending', 'counts', 'effects', 'exchanges', 'steps'}

local locked = {}
for index = 1, tonumber(take()) do locked[index] = take() end
for _, id in ipairs(locked) do
    if redis.call('GET', key('lock', id)) ~= token then return 'a lock has expired' end
end

local function forget(id, number)
    for _, name in ipairs(redis.call('HKEYS', key(number, 'generations'))) do
        local holders = redis.call('HGET', key('holders'), name)
        if holders then
            local kept = {}
            for each in string.gmatch(holders, '%S+') do
                if each ~= id then kept[#kept + 1] = each end
            end
            if #kept == 0 then redis.call('HDEL', key('holders'), name)
            else redis.call('HSET', key('holders'), name, table.concat(kept, ' ')) end
        end
    end
end

for _ = 1, tonumber(take()) do
    local id = take()
    local number = redis.call('HGET', key('workspace', id), 'number')
    if number then
        forget(id, number)
        for _, each in ipairs(rows) do redis.call('DEL', key(number, each)) end
    end
    redis.call('DEL', key('workspace', id))
    redis.call('ZREM', key('used'), id)
end

-- The values in commands of at most 1000: Lua can hand on about 8000. Returns what they answer.
local function call_in_parts(command, key, values)
    local answers = {}
    for first = 1, #values, 1000 do
        local last = math.min(first + 999, #values)
        local some = redis.call(command, key, unpack(values, first, last))
        if type(some) == 'table' then
            for index, each in ipairs(some) do answers[first + index - 1] = each end
        end
    end
    return answers
end

local function keep_generations(id, number)
    local names, bodies, is_pending = {}, {}, {}
    for index = 1, tonumber(take()) do
        local name, body, pending = take(), take(), take()
        names[index], is_pending[index] = name, pending == '1'
        bodies[2 * index - 1], bodies[2 * index] = name, body
    end
    if #names == 0 then return end
    local order = key(number, 'order')
    local serial = redis.call('ZCARD', order)
    local new, held, pending, ended = {}, {}, {}, {}
    for index, holders in ipairs(call_in_parts('HMGET', key('holders'), names)) do
        local name, at = names[index], nil
        -- Its holders are separated by spaces; it is new where this workspace is none of them.
        if not holders or not string.find(' ' .. holders .. ' ', ' ' .. id .. ' ', 1, true) then
            serial = serial + 1
            at = serial
            new[#new + 1], new[#new + 2] = at, name
            held[#held + 1], held[#held + 2] = name, holders and (holders .. ' ' .. id) or id
        elseif is_pending[index] then at = redis.call('ZSCORE', order, name)
        else ended[#ended + 1] = name end
        if is_pending[index] then pending[#pending + 1], pending[#pending + 2] = at, name end
    end
    call_in_parts('HSET', key(number, 'generations'), bodies)
    call_in_parts('ZADD', order, new)
    call_in_parts('HSET', key('holders'), held)
    call_in_parts('ZADD', key(number, 'pending'), pending)
    call_in_parts('ZREM', key(number, 'pending'), ended)
end

for _ = 1, tonumber(take()) do
    local id, number, shown, version, epoch = take(), take(), take(), take(), take()
    local used, core, plan, anew, planned = take(), take(), take(), take(), take()
    local head = key('workspace', id)
    if anew == '1' then
        forget(id, number)
        for _, each in ipairs({'generations', 'order', 'pending', 'counts', 'effects'}) do
            redis.call('DEL', key(number, each))
        end
    end
    redis.call('HSET', head, 'version', version, 'used', used, 'core', core)
    if planned == '1' then
        redis.call('HSET', head, 'number', number, 'shown_key', shown, 'epoch', epoch, 'plan', plan)
    end
    redis.call('ZADD', key('used'), used, id)
    keep_generations(id, number)
    local counts = {}
    for index = 1, 2 * tonumber(take()) do counts[index] = take() end
    call_in_parts('HSET', key(number, 'counts'), counts)
    for _ = 1, 3 do
        local which, first = take(), take()
        local rows_of = key(number, which)
        for _ = 1, tonumber(take()) do
            local score = take()
            redis.call('ZADD', rows_of, score, take())
        end
        if first ~= '-1' then redis.call('ZREMRANGEBYSCORE', rows_of, '-inf', '(' .. first) end
    end
    if expire > 0 then
        redis.call('EXPIRE', head, expire)
        for _, each in ipairs(rows) do redis.call('EXPIRE', key(number, each), expire) end
    end
end

for _, id in ipairs(locked) do redis.call('DEL', key('lock', id)) end
return 'OK'
"""
"""Keeps the changes of a unit of work, as `redis_rows` lays them out, or says why not.

A script is not undone, so what may fail is checked before anything is changed: while a lock is
that of the token, no other process has changed its workspace.
"""
