-- The kinds of the conformance cases, as a Lua author writes them.
local lares = require "lares"

local members = {}

members.echo = {
    process = function(_, event) return event.data end,
}

members.tagged = {
    process = function(self, event)
        return self.argument .. ":" .. event.data
    end,
}

members.counter = {
    init = function(self) self.n = 0 end,
    process = function(self)
        self.n = self.n + 1
        return tostring(self.n)
    end,
}

members.sum = {
    init = function(self) self.total = 0 end,
    process = function(self, event)
        local data = event.data
        if #data ~= 8 then error("not 8 bytes: " .. data) end
        self.total = self.total + string.unpack("<i8", data)
        return string.pack("<i8", self.total)
    end,
}

members["fail-once"] = {
    init = function(self) self.calls = 0 end,
    process = function(self)
        self.calls = self.calls + 1
        if self.calls == 1 then error("first call fails") end
        return tostring(self.calls - 1)
    end,
}

members.burst = {
    process = function(self, event)
        local times, output, channel =
            event.data:match("^(%d+):([^:]*):?([^:]*)$")
        for _ = 1, times do
            self:emit(output, channel ~= "" and channel or nil)
        end
    end,
}

members.rubbish = {
    process = function() return { 1, 2, 3 } end,
}

-- Make the class of a kind, with the options of its registration.
return function(kind, options)
    local class = lares.daemon(kind, options)
    for name, member in pairs(members[kind]) do class[name] = member end
    return class
end
